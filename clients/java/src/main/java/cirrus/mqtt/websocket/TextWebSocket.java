package cirrus.mqtt.websocket;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import javax.net.SocketFactory;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/**
 * A WebSocket (RFC 6455) for text messages, over a blocking socket. One thread may receive while others send. Pings are
 * answered while a thread receives.
 */
public final class TextWebSocket implements Closeable {
    private static final int TEXT = 1;
    private static final int CLOSE = 8;
    private static final int PING = 9;
    private static final int PONG = 10;
    private static final int CONTINUATION = 0;
    private static final int FINAL = 0x80;
    private static final int MASKED = 0x80;
    private static final int MAX_CONTROL_BYTES = 125;
    /** API Gateway: a message is at most 128 KB. */
    private static final int MAX_MESSAGE_BYTES = 131_072;

    private final SecureRandom random = new SecureRandom();
    /** The socket below TLS. Closing it releases a blocked write, for which closing TLS would wait. */
    private final Socket tcp;
    private final Socket socket;
    private final DataInputStream in;
    private final OutputStream out;

    private TextWebSocket(Socket tcp, GatewayAddress address, SocketOptions options) throws IOException {
        this.tcp = tcp;
        tcp.setTcpNoDelay(true);
        tcp.setSoTimeout(options.timeoutMillis);
        socket = address.isSecure() ? encrypted(tcp, address, options) : tcp;
        in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
        out = socket.getOutputStream();
        new Handshake(random).perform(address, options.headers, in, out);
        socket.setSoTimeout(0);
    }

    /**
     * Connects, and returns after the handshake.
     *
     * @throws IOException if there is no connection, the certificate is not trusted, or the gateway refuses
     */
    public static TextWebSocket open(GatewayAddress address, SocketOptions options) throws IOException {
        Socket tcp = address.isSecure() || options.factory == null ? new Socket() : options.factory.createSocket();
        try {
            tcp.connect(new InetSocketAddress(address.host(), address.port()), options.timeoutMillis);
            return new TextWebSocket(tcp, address, options);
        } catch (IOException | RuntimeException failure) {
            tcp.close();
            throw failure;
        }
    }

    private static Socket encrypted(Socket tcp, GatewayAddress address, SocketOptions options) throws IOException {
        SocketFactory factory = options.factory == null ? SSLSocketFactory.getDefault() : options.factory;
        SSLSocket tls = (SSLSocket) ((SSLSocketFactory) factory).createSocket(tcp, address.host(), address.port(), true);
        tls.setSoTimeout(options.timeoutMillis); // On Android the TLS socket has its own timeout.
        if (options.ciphers != null) tls.setEnabledCipherSuites(options.ciphers);
        if (options.verifiesHost) {
            SSLParameters parameters = tls.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            tls.setSSLParameters(parameters);
        }
        tls.startHandshake();
        boolean asks = !options.verifiesHost && options.verifier != null;
        if (asks && !options.verifier.verify(address.host(), tls.getSession()))
            throw new SSLPeerUnverifiedException("the certificate is not one for " + address.host());
        return tls;
    }

    /** Sends one message in one frame. */
    public void send(String text) throws IOException {
        sendFrame(TEXT, text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Waits for a message.
     *
     * @throws EOFException if the gateway closed the connection
     * @throws IOException if it violated the protocol, for example with a binary frame
     */
    public String receive() throws IOException {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        for (boolean hasBegun = false; ; hasBegun = true) {
            int first = nextOfMessage();
            int opcode = first & 0x7f;
            if (opcode != (hasBegun ? CONTINUATION : TEXT)) throw new IOException(wrong(opcode));
            byte[] payload = readPayload(MAX_MESSAGE_BYTES - message.size());
            message.write(payload, 0, payload.length);
            if ((first & FINAL) != 0) return new String(message.toByteArray(), StandardCharsets.UTF_8);
        }
    }

    private static String wrong(int opcode) {
        return opcode == 2 ? "binary frame from the gateway" : "unexpected frame from the gateway: opcode " + opcode;
    }

    /** The first byte of the next frame that is part of a message. Control frames may come in between. */
    private int nextOfMessage() throws IOException {
        for (;;) {
            int first = in.readUnsignedByte();
            int opcode = first & 0x7f;
            if (opcode == CLOSE) throw new EOFException(reasonIn(readPayload(MAX_CONTROL_BYTES)));
            else if (opcode == PING) sendFrame(PONG, readPayload(MAX_CONTROL_BYTES));
            else if (opcode == PONG) readPayload(MAX_CONTROL_BYTES);
            else return first;
        }
    }

    private byte[] readPayload(int limit) throws IOException {
        int length = in.readUnsignedByte();
        if ((length & MASKED) != 0) throw new IOException("masked frame from the gateway");
        long bytes = length;
        if (length == 126) bytes = in.readUnsignedShort();
        if (length == 127) bytes = in.readLong();
        if (bytes < 0 || bytes > limit) throw new IOException("frame of " + bytes + " bytes from the gateway");
        byte[] payload = new byte[(int) bytes];
        in.readFully(payload);
        return payload;
    }

    private static String reasonIn(byte[] payload) {
        String closed = "the gateway closed the connection";
        if (payload.length < 2) return closed;
        String reason = new String(payload, 2, payload.length - 2, StandardCharsets.UTF_8);
        return closed + ": " + (ByteBuffer.wrap(payload).getShort() & 0xffff) + (reason.isEmpty() ? "" : " " + reason);
    }

    private synchronized void sendFrame(int opcode, byte[] payload) throws IOException {
        byte[] key = new byte[4];
        random.nextBytes(key);
        ByteBuffer frame = ByteBuffer.allocate(payload.length + 14);
        frame.put((byte) (FINAL | opcode));
        if (payload.length < 126) frame.put((byte) (MASKED | payload.length));
        else if (payload.length < 65_536) frame.put((byte) (MASKED | 126)).putShort((short) payload.length);
        else frame.put((byte) (MASKED | 127)).putLong(payload.length);
        frame.put(key);
        for (int index = 0; index < payload.length; index++) frame.put((byte) (payload[index] ^ key[index & 3]));
        out.write(frame.array(), 0, frame.position());
        out.flush();
    }

    /** Sends a close frame and ends the connection. */
    @Override
    public void close() throws IOException {
        try {
            sendFrame(CLOSE, new byte[] {3, (byte) 0xe8}); // 1000: normal closure
            socket.close();
        } finally {
            abort();
        }
    }

    /** Ends the connection without a close frame, even while another thread is blocked in a write. */
    public void abort() throws IOException {
        tcp.close();
    }
}
