import java.nio.charset.StandardCharsets;
import org.eclipse.paho.mqttv5.client.IMqttToken;
import org.eclipse.paho.mqttv5.client.MqttAsyncClient;
import org.eclipse.paho.mqttv5.client.MqttCallback;
import org.eclipse.paho.mqttv5.client.MqttConnectionOptions;
import org.eclipse.paho.mqttv5.client.MqttDisconnectResponse;
import org.eclipse.paho.mqttv5.client.persist.MemoryPersistence;
import org.eclipse.paho.mqttv5.common.MqttException;
import org.eclipse.paho.mqttv5.common.MqttMessage;
import org.eclipse.paho.mqttv5.common.packet.MqttProperties;

/** Paho's client for MQTT 5.0; arguments are those of {@link Peer3}. */
final class Peer5 extends Peer implements MqttCallback {
    private final MqttAsyncClient client;

    private Peer5(String[] arguments) throws MqttException {
        MqttConnectionOptions options = new MqttConnectionOptions();
        options.setCleanStart(Boolean.parseBoolean(arguments[2]));
        options.setSessionExpiryInterval(Boolean.parseBoolean(arguments[2]) ? 0L : 3_600L);
        options.setAutomaticReconnect(true);
        options.setKeepAliveInterval(540);
        if (arguments.length > 3) options.setWill("wills/java", willOf(arguments[3]));
        client = new MqttAsyncClient(arguments[0], arguments[1], new MemoryPersistence());
        client.setCallback(this);
        client.connect(options).waitForCompletion();
    }

    private static MqttMessage willOf(String payload) {
        return new MqttMessage(payload.getBytes(StandardCharsets.UTF_8), 1, false, new MqttProperties());
    }

    public static void main(String[] arguments) throws Exception {
        new Peer5(arguments).run();
    }

    @Override
    void subscribe(String topic, int qos) throws MqttException {
        client.subscribe(topic, qos).waitForCompletion();
    }

    @Override
    void publish(String topic, byte[] payload, int qos, boolean retain) throws MqttException {
        client.publish(topic, payload, qos, retain);
    }

    @Override
    void disconnect() throws MqttException {
        client.disconnect().waitForCompletion();
    }

    @Override
    public void connectComplete(boolean again, String address) {
        say(again ? "reconnected" : "connected", address);
    }

    @Override
    public void disconnected(MqttDisconnectResponse response) {
        lost(response.getException());
    }

    @Override
    public void mqttErrorOccurred(MqttException error) {
        say("error", String.valueOf(error.getMessage()));
    }

    @Override
    public void messageArrived(String topic, MqttMessage message) {
        heard(topic, message.getPayload(), message.isRetained());
    }

    @Override
    public void deliveryComplete(IMqttToken token) {
        say("delivered");
    }

    @Override
    public void authPacketArrived(int reasonCode, MqttProperties properties) {
        say("auth");
    }
}
