package cirrus.mqtt.websocket;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.net.SocketFactory;
import javax.net.ssl.HostnameVerifier;

/** Options for opening a connection, in Paho's terms. */
public final class SocketOptions {
    /** Time limit for each of TCP, TLS and the handshake; 0 is no limit. */
    int timeoutMillis = 30_000;
    /** An {@code SSLSocketFactory} for {@code cirrus+wss}; null selects the platform's. */
    SocketFactory factory;
    /** Null selects the platform's default. */
    String[] ciphers;
    /** True if the certificate must match the host name, as for HTTPS. */
    boolean verifiesHost = true;
    /** Verifies the host name if that check is off. */
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
     * Headers of the handshake, for example {@code Authorization}.
     *
     * @throws IllegalArgumentException if a header contains a line break
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
