package cirrus.mqtt.wire;

/** API Gateway answered in place of the broker. */
public final class GatewayException extends WireException {
    private static final long serialVersionUID = 1;

    /** @param report what API Gateway said */
    public GatewayException(String report) {
        super("gateway: " + report);
    }
}
