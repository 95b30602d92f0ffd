package cirrus.mqtt.websocket;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.net.SocketFactory;
import javax.net.ssl.HostnameVerifier;

/** How a connection is opened, in Paho's terms. */
public final class SocketOptions {
    /** For each of TCP, TLS and the handshake; 0 waits for ever. */
    int timeoutMillis = 30_000;
    /** An {@code SSLSocketFactory} for {@code cirrus+wss}; null is the platform's. */
    SocketFactory factory;
    /** Null leaves the choice to the platform. */
    String[] ciphers;
    /** Whether the certificate has to be one for the host, as for HTTPS. */
    boolean verifiesHost = true;
    /** Asked in place of that, where that is off. */
    HostnameVerifier verifier;
    Map<String, String> headers = Collections.emptyMap();

    public SocketOptions timeoutSeconds(int seconds) {
        timeoutMillis = (int) Math.min(seconds * 1_000L, Integer.MAX_VALUE);
        return this;
    }

    public SocketOptions factory(SocketFactory chosen) {
        factory = chosen;
        return this;
    }

    public SocketOptions ciphers(String[] chosen) {
        ciphers = chosen;
        return this;
    }

    public SocketOptions verifiesHost(boolean whether, HostnameVerifier otherwise) {
        verifiesHost = whether;
        verifier = otherwise;
        return this;
    }

    /**
     * Headers of the handshake, {@code Authorization} for instance.
     *
     * @throws IllegalArgumentException if a line break is in one
     */
    public SocketOptions headers(Map<?, ?> chosen) {
        Map<String, String> checked = new LinkedHashMap<>();
        if (chosen != null) chosen.forEach((name, value) -> checked.put(lineOf(name), lineOf(value)));
        headers = checked;
        return this;
    }

    private static String lineOf(Object text) {
        String line = String.valueOf(text);
        if (line.indexOf('\r') >= 0 || line.indexOf('\n') >= 0)
            throw new IllegalArgumentException("a header of the handshake has a line break in it");
        return line;
    }
}
