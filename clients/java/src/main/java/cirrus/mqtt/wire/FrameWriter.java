package cirrus.mqtt.wire;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.Base64;
import java.util.function.Consumer;

/**
 * Turns MQTT bytes in any chunking into numbered text frames of whole packets, or of slices of one large packet.
 * Use one for each connection, and not from several threads at a time.
 */
public final class FrameWriter {
    /** Maximum raw bytes in a frame: their base64 leaves 16 of API Gateway's 32,768 characters for number and dot. */
    public static final int MAX_FRAME_BYTES = 24_564;

    /** Maximum Packet Size of the broker in bytes, fixed header included. */
    public static final int MAX_PACKET_BYTES = 97_280;

    private static final int MAX_HEADER_BYTES = 5;

    private final Consumer<String> send;
    private final ByteArrayOutputStream whole = new ByteArrayOutputStream();
    private final ByteArrayOutputStream packet = new ByteArrayOutputStream();
    private long frames;
    private boolean inHeader = true;
    private boolean isSkipped;
    private int first;
    private int remainingLength;
    private int missing;

    /** @param send takes each frame, synchronously and in order */
    public FrameWriter(Consumer<String> send) {
        this.send = send;
    }

    /**
     * Takes bytes of the stream. Full frames are sent at once, the rest by {@link #flush()}. A PUBLISH that is too large
     * fails once: Paho resends it with DUP after each reconnect; then it is discarded and the connection stays open.
     *
     * @throws WireException if a packet is over {@link #MAX_PACKET_BYTES} (nothing of it has been sent), or its
     *     remaining length has more than four bytes; do not write anything after it
     */
    public void write(byte[] bytes, int offset, int length) throws WireException {
        for (int at = offset; at < offset + length; ) {
            if (inHeader) readHeader(bytes[at++]);
            else at += readBody(bytes, at, offset + length - at);
        }
    }

    /** Sends the whole packets written since the last frame; an incomplete packet stays. */
    public void flush() {
        if (whole.size() == 0) return;
        sendFrame(whole.toByteArray());
        whole.reset();
    }

    private void readHeader(byte value) throws WireException {
        packet.write(value);
        if (packet.size() == 1) {
            first = value;
            return;
        }
        remainingLength |= (value & 0x7f) << (7 * (packet.size() - 2));
        if (value >= 0) startBody();
        else if (packet.size() == MAX_HEADER_BYTES)
            throw new WireException("malformed remaining length: more than 4 bytes");
    }

    private void startBody() throws WireException {
        int bytes = packet.size() + remainingLength;
        boolean isAcknowledged = (first & 0xf0) == 0x30 && (first & 0x06) != 0; // PUBLISH at QoS 1 or 2
        isSkipped = bytes > MAX_PACKET_BYTES && isAcknowledged && (first & 0x08) != 0;
        if (bytes > MAX_PACKET_BYTES && !isSkipped)
            throw new WireException("a packet of " + bytes + " bytes is over the limit of " + MAX_PACKET_BYTES);
        inHeader = false;
        missing = remainingLength;
        if (missing == 0) endPacket();
    }

    private int readBody(byte[] bytes, int offset, int available) {
        int taken = Math.min(available, missing);
        if (!isSkipped) packet.write(bytes, offset, taken);
        missing -= taken;
        if (missing == 0) endPacket();
        return taken;
    }

    private void endPacket() {
        byte[] bytes = packet.toByteArray();
        packet.reset();
        inHeader = true;
        remainingLength = 0;
        if (isSkipped) return;
        if (whole.size() + bytes.length > MAX_FRAME_BYTES) flush();
        if (bytes.length <= MAX_FRAME_BYTES) whole.write(bytes, 0, bytes.length);
        else sendSlices(bytes);
    }

    private void sendSlices(byte[] bytes) {
        for (int at = 0; at < bytes.length; at += MAX_FRAME_BYTES)
            sendFrame(Arrays.copyOfRange(bytes, at, Math.min(at + MAX_FRAME_BYTES, bytes.length)));
    }

    private void sendFrame(byte[] bytes) {
        frames += 1;
        send.accept(frames + "." + Base64.getEncoder().encodeToString(bytes));
    }
}
