import cirrus.mqtt.wire.FrameReader;
import cirrus.mqtt.wire.FrameWriter;
import cirrus.mqtt.wire.WireException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** Does what the lines of its input say, and prints frames, bytes and errors; bytes and frames to read are in hexadecimal. */
final class PlayVectors {
    private FrameWriter frames = newWriter();

    public static void main(String[] arguments) throws IOException {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PlayVectors player = new PlayVectors();
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] words = line.split(" ", 2);
            player.perform(words[0], words.length == 2 ? words[1] : "");
        }
    }

    private void perform(String command, String argument) {
        try {
            switch (command) {
                case "begin":
                    frames = newWriter();
                    System.out.println("begin");
                    return;
                case "write":
                    byte[] bytes = bytesOf(argument);
                    frames.write(bytes, 0, bytes.length);
                    return;
                case "flush":
                    frames.flush();
                    return;
                case "read":
                    String frame = new String(bytesOf(argument), StandardCharsets.UTF_8);
                    System.out.println("bytes " + hexOf(FrameReader.read(frame)));
                    return;
                default:
                    throw new IllegalArgumentException(command);
            }
        } catch (WireException broken) {
            System.out.println(broken.getClass().getSimpleName() + " " + broken.getMessage());
        }
    }

    private static FrameWriter newWriter() {
        return new FrameWriter(frame -> System.out.println("frame " + frame));
    }

    private static byte[] bytesOf(String hex) {
        byte[] bytes = new byte[hex.length() / 2];
        for (int index = 0; index < bytes.length; index++)
            bytes[index] = (byte) Integer.parseInt(hex.substring(2 * index, 2 * index + 2), 16);
        return bytes;
    }

    private static String hexOf(byte[] bytes) {
        StringBuilder hex = new StringBuilder();
        for (byte each : bytes) hex.append(String.format("%02x", each));
        return hex.toString();
    }
}
