package cirrus.mqtt.wire;

import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the text frames of the server. */
public final class FrameReader {
    private static final Pattern MESSAGE = Pattern.compile("\"message\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"");

    private FrameReader() {}

    /**
     * The MQTT bytes of a frame, which are always whole packets.
     *
     * @throws GatewayException if the frame is an error message of API Gateway
     * @throws WireException if it is not strict base64: empty, foreign characters, padding missing, unused bits set
     */
    public static byte[] read(String frame) throws WireException {
        if (frame.startsWith("{")) throw new GatewayException(reportIn(frame));
        byte[] bytes = decoded(frame);
        if (bytes == null) throw new WireException("frame is not base64: " + frame.length() + " characters");
        return bytes;
    }

    /** The JDK's decoder is lenient about padding and unused bits; only strict base64 survives decoding and encoding. */
    private static byte[] decoded(String frame) {
        try {
            byte[] bytes = Base64.getDecoder().decode(frame);
            boolean isStrict = bytes.length > 0 && Base64.getEncoder().encodeToString(bytes).equals(frame);
            return isStrict ? bytes : null;
        } catch (IllegalArgumentException foreign) {
            return null;
        }
    }

    private static String reportIn(String frame) {
        Matcher message = MESSAGE.matcher(frame);
        return message.find() ? message.group(1) : frame;
    }
}
