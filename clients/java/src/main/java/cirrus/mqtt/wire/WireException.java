package cirrus.mqtt.wire;

import java.io.IOException;

/** The gateway, or the library above, violated the wire format. The connection cannot continue. */
public class WireException extends IOException {
    private static final long serialVersionUID = 1;

    public WireException(String message) {
        super(message);
    }
}
