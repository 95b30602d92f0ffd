package cirrus.mqtt.websocket;

import cirrus.mqtt.wire.FrameReader;
import java.io.IOException;
import java.io.InputStream;

/** The MQTT bytes of the frames that a WebSocket receives. */
final class FrameInputStream extends InputStream {
    private final TextWebSocket socket;
    private byte[] bytes = {};
    private int position;

    FrameInputStream(TextWebSocket socket) {
        this.socket = socket;
    }

    @Override
    public int read() throws IOException {
        awaitBytes();
        return bytes[position++] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        if (length == 0) return 0;
        awaitBytes();
        int taken = Math.min(length, available());
        System.arraycopy(bytes, position, target, offset, taken);
        position += taken;
        return taken;
    }

    @Override
    public int available() {
        return bytes.length - position;
    }

    private void awaitBytes() throws IOException {
        if (available() > 0) return;
        bytes = FrameReader.read(socket.receive());
        position = 0;
    }
}
