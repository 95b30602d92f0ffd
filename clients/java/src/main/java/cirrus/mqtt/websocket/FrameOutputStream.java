package cirrus.mqtt.websocket;

import cirrus.mqtt.wire.FrameWriter;
import cirrus.mqtt.wire.WireException;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * Sends MQTT bytes as frames. Paho flushes after each packet, and every frame is billed. So a thread sends, and packets
 * flushed while it sends a frame share the next one. The first packet does not wait.
 */
final class FrameOutputStream extends OutputStream {
    /** Maximum number of full frames that wait; then the writing thread blocks. */
    private static final int MAX_WAITING_FRAMES = 4;

    private final TextWebSocket socket;
    private final Queue<String> full = new ArrayDeque<>();
    private final FrameWriter frames = new FrameWriter(full::add);
    private final Thread sender = new Thread(this::sendAll, "cirrus-mqtt sender");
    private boolean isFlushDue;
    private boolean isClosing;
    private IOException failure;

    FrameOutputStream(TextWebSocket socket) {
        this.socket = socket;
        sender.setDaemon(true);
        sender.start();
    }

    @Override
    public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public synchronized void write(byte[] bytes, int offset, int length) throws IOException {
        while (full.size() >= MAX_WAITING_FRAMES && failure == null && !isClosing) await();
        checkOpen();
        try {
            frames.write(bytes, offset, length);
        } catch (WireException broken) {
            failure = broken;
            throw broken;
        }
        if (!full.isEmpty()) notifyAll();
    }

    @Override
    public synchronized void flush() throws IOException {
        checkOpen();
        isFlushDue = true;
        notifyAll();
    }

    /** Sends all flushed frames and ends the thread, within a time limit. Returns true if all were sent. */
    boolean finish(long millis) throws InterruptedException {
        synchronized (this) {
            isClosing = true;
            notifyAll();
        }
        sender.join(millis);
        return !sender.isAlive();
    }

    private void checkOpen() throws IOException {
        if (failure != null) throw new IOException(failure.getMessage(), failure);
        if (isClosing) throw new IOException("the connection is closed");
    }

    private void await() throws IOException {
        try {
            wait();
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while frames waited to be sent", interruption);
        }
    }

    private void sendAll() {
        try {
            for (String frame = next(); frame != null; frame = next()) socket.send(frame);
        } catch (IOException broken) {
            fail(broken);
        }
    }

    /** Waits for a frame; returns null at the end. */
    private synchronized String next() throws IOException {
        for (;;) {
            if (full.isEmpty() && isFlushDue) {
                isFlushDue = false;
                frames.flush();
            }
            String frame = full.poll();
            notifyAll();
            if (frame != null || isClosing) return frame;
            await();
        }
    }

    private synchronized void fail(IOException broken) {
        failure = broken;
        notifyAll();
        try {
            socket.abort(); // Ends the reading thread, too.
        } catch (IOException ignored) {
            // The socket is already closed.
        }
    }
}
