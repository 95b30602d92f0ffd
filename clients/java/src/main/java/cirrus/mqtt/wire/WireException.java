package cirrus.mqtt.wire;

import java.io.IOException;

/** The other side, or the library above, broke the wire format. The connection cannot go on. */
public class WireException extends IOException {
    private static final long serialVersionUID = 1;

    public WireException(String message) {
        super(message);
    }
}
