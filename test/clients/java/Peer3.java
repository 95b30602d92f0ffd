import java.nio.charset.StandardCharsets;
import org.eclipse.paho.client.mqttv3.IMqttDeliveryToken;
import org.eclipse.paho.client.mqttv3.MqttAsyncClient;
import org.eclipse.paho.client.mqttv3.MqttCallbackExtended;
import org.eclipse.paho.client.mqttv3.MqttConnectOptions;
import org.eclipse.paho.client.mqttv3.MqttException;
import org.eclipse.paho.client.mqttv3.MqttMessage;
import org.eclipse.paho.client.mqttv3.persist.MemoryPersistence;

/** Paho's client for MQTT 3.1.1; arguments are address, client id, whether the session is clean, and the will's payload. */
final class Peer3 extends Peer implements MqttCallbackExtended {
    private final MqttAsyncClient client;

    private Peer3(String[] arguments) throws MqttException {
        MqttConnectOptions options = new MqttConnectOptions();
        options.setCleanSession(Boolean.parseBoolean(arguments[2]));
        options.setAutomaticReconnect(true);
        options.setKeepAliveInterval(540);
        options.setMaxInflight(1_000);
        if (arguments.length > 3) options.setWill("wills/java", arguments[3].getBytes(StandardCharsets.UTF_8), 1, false);
        client = new MqttAsyncClient(arguments[0], arguments[1], new MemoryPersistence());
        client.setCallback(this);
        client.connect(options).waitForCompletion();
    }

    public static void main(String[] arguments) throws Exception {
        new Peer3(arguments).run();
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
    public void connectionLost(Throwable cause) {
        lost(cause);
    }

    @Override
    public void messageArrived(String topic, MqttMessage message) {
        heard(topic, message.getPayload(), message.isRetained());
    }

    @Override
    public void deliveryComplete(IMqttDeliveryToken token) {
        say("delivered");
    }
}
