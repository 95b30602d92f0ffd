package cirrus.mqtt.websocket;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * A byte stream of MQTT to the gateway and back. It has the methods of Paho's network modules, which differ by package only.
 */
public class GatewayConnection {
    /** Time limit for sending the last packets, usually DISCONNECT. */
    private static final long GOODBYE_MILLIS = 1_000;

    private final GatewayAddress address;
    private final SocketOptions options;
    private TextWebSocket socket;
    private FrameInputStream input;
    private FrameOutputStream output;

    protected GatewayConnection(GatewayAddress address, SocketOptions options) {
        this.address = address;
        this.options = options;
    }

    /** Connects, also again after {@link #stop()}; the numbers of frames then restart with 1. */
    public void start() throws IOException {
        TextWebSocket opened = TextWebSocket.open(address, options);
        synchronized (this) {
            socket = opened;
            input = new FrameInputStream(opened);
            output = new FrameOutputStream(opened);
        }
    }

    public synchronized InputStream getInputStream() throws IOException {
        if (input == null) throw new IOException("not connected");
        return input;
    }

    public synchronized OutputStream getOutputStream() throws IOException {
        if (output == null) throw new IOException("not connected");
        return output;
    }

    /** Sends the remaining packets, for a second at most, and ends the connection. */
    public synchronized void stop() throws IOException {
        if (socket == null) return;
        try {
            if (output.finish(GOODBYE_MILLIS)) socket.close();
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
        } finally {
            socket.abort();
            socket = null;
            input = null;
            output = null;
        }
    }

    /** The URL without its query, which may contain a token. */
    public String getServerURI() {
        return address.toString();
    }
}
