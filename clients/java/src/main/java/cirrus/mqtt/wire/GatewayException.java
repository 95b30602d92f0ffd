package cirrus.mqtt.wire;

/** API Gateway responded in place of the broker. */
public final class GatewayException extends WireException {
    private static final long serialVersionUID = 1;

    /** @param report error message of API Gateway */
    public GatewayException(String report) {
        super("gateway: " + report);
    }
}
