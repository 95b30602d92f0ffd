package cirrus.mqtt.websocket;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/** The opening handshake of a WebSocket, RFC 6455 section 4, for the subprotocol of MQTT. */
final class Handshake {
    private static final String SUBPROTOCOL = "mqtt";
    private static final String ACCEPT_SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    private static final int MAX_ANSWER_BYTES = 16_384;

    private final String key;

    Handshake(Random random) {
        byte[] nonce = new byte[16];
        random.nextBytes(nonce);
        key = Base64.getEncoder().encodeToString(nonce);
    }

    void perform(GatewayAddress address, Map<String, String> headers, InputStream in, OutputStream out)
            throws IOException {
        out.write(request(address, headers).getBytes(StandardCharsets.UTF_8));
        out.flush();
        String[] lines = readAnswer(in).split("\r\n");
        if (!lines[0].matches("HTTP/1\\.1 101( .*)?")) throw new IOException("the gateway refused: " + lines[0]);
        check(fields(lines));
    }

    private String request(GatewayAddress address, Map<String, String> headers) {
        StringBuilder request = new StringBuilder("GET ").append(address.resource()).append(" HTTP/1.1\r\n");
        append(request, "Host", address.authority());
        append(request, "Upgrade", "websocket");
        append(request, "Connection", "Upgrade");
        append(request, "Sec-WebSocket-Key", key);
        append(request, "Sec-WebSocket-Version", "13");
        append(request, "Sec-WebSocket-Protocol", SUBPROTOCOL);
        headers.forEach((name, value) -> append(request, name, value));
        return request.append("\r\n").toString();
    }

    private static void append(StringBuilder request, String name, String value) {
        request.append(name).append(": ").append(value).append("\r\n");
    }

    private static String readAnswer(InputStream in) throws IOException {
        ByteArrayOutputStream answer = new ByteArrayOutputStream();
        for (int ending = 0; ending < 4; ) {
            int next = in.read();
            if (next < 0) throw new IOException("the gateway closed the connection during the handshake");
            if (answer.size() == MAX_ANSWER_BYTES) throw new IOException("the gateway's handshake does not end");
            answer.write(next);
            boolean isExpected = next == (ending % 2 == 0 ? '\r' : '\n');
            ending = isExpected ? ending + 1 : next == '\r' ? 1 : 0;
        }
        return new String(answer.toByteArray(), StandardCharsets.ISO_8859_1);
    }

    private static Map<String, String> fields(String[] lines) {
        Map<String, String> fields = new HashMap<>();
        for (String line : lines) {
            int colon = line.indexOf(':');
            if (colon > 0) fields.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
        }
        return fields;
    }

    private void check(Map<String, String> fields) throws IOException {
        String subprotocol = fields.get("sec-websocket-protocol");
        if (!acceptedKey().equals(fields.get("sec-websocket-accept")))
            throw new IOException("the gateway did not agree on a WebSocket");
        if (!SUBPROTOCOL.equals(subprotocol))
            throw new IOException("the gateway did not agree on the subprotocol mqtt, but on " + subprotocol);
    }

    private String acceptedKey() {
        try {
            MessageDigest sha1 = MessageDigest.getInstance("SHA-1");
            return Base64.getEncoder().encodeToString(sha1.digest((key + ACCEPT_SALT).getBytes(StandardCharsets.US_ASCII)));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible); // Every platform has SHA-1.
        }
    }
}
