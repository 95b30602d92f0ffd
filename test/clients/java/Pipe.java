import cirrus.mqtt.websocket.GatewayAddress;
import cirrus.mqtt.websocket.GatewayConnection;
import cirrus.mqtt.websocket.SocketOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.util.Map;

/** Carries the bytes of its standard input to the gateway that it is given, and what comes back to its standard output. */
final class Pipe extends GatewayConnection {
    private Pipe(String address, Map<String, String> headers) {
        super(new GatewayAddress(URI.create(address)), new SocketOptions().timeoutSeconds(20).headers(headers));
    }

    public static void main(String[] arguments) throws IOException {
        Pipe pipe = new Pipe(arguments[0], arguments.length > 1 ? Map.of("Authorization", arguments[1]) : Map.of());
        try {
            pipe.start();
        } catch (IOException refused) {
            System.err.println(refused.getMessage());
            System.exit(1);
        }
        Thread writer = new Thread(() -> pipe.end(System.in, pipe::getOutputStream));
        writer.start();
        pipe.end(null, () -> System.out);
    }

    private interface Target {
        OutputStream get() throws IOException;
    }

    /** Copies, to the gateway or from it, until one of the two ends; then the program does, saying why. */
    private void end(InputStream given, Target target) {
        try {
            copy(given == null ? getInputStream() : given, target.get());
            stop();
        } catch (IOException failure) {
            System.err.println(failure.getMessage());
        }
        System.exit(0);
    }

    private static void copy(InputStream from, OutputStream to) throws IOException {
        byte[] buffer = new byte[8_192];
        for (int length = from.read(buffer); length >= 0; length = from.read(buffer)) {
            to.write(buffer, 0, length);
            to.flush();
        }
    }
}
