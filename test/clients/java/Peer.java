import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * A client of Paho in a process of its own, which does what the lines of its input say and prints what happens, in words
 * separated by spaces. Payloads are in base64.
 */
abstract class Peer {
    abstract void subscribe(String topic, int qos) throws Exception;

    abstract void publish(String topic, byte[] payload, int qos, boolean retain) throws Exception;

    abstract void disconnect() throws Exception;

    /** Returns at the end of the input; then the process ends without a word to the broker. */
    final void run() throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) perform(line.split(" ", -1));
        Runtime.getRuntime().halt(0);
    }

    private void perform(String[] words) throws Exception {
        switch (words[0]) {
            case "subscribe":
                subscribe(words[1], Integer.parseInt(words[2]));
                say("subscribed", words[1]);
                return;
            case "publish":
                byte[] payload = Base64.getDecoder().decode(words[4]);
                publish(words[1], payload, Integer.parseInt(words[2]), Boolean.parseBoolean(words[3]));
                return;
            case "disconnect":
                disconnect();
                say("disconnected");
                return;
            default:
                throw new IOException("no such command: " + words[0]);
        }
    }

    static void heard(String topic, byte[] payload, boolean retained) {
        say("message", topic, String.valueOf(retained), Base64.getEncoder().encodeToString(payload));
    }

    static void lost(Throwable cause) {
        StringBuilder causes = new StringBuilder();
        for (Throwable each = cause; each != null; each = each.getCause()) causes.append(each.getMessage()).append("; ");
        say("lost", causes.toString());
    }

    static synchronized void say(String... words) {
        System.out.println(String.join(" ", words));
    }
}
