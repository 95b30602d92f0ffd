import java.nio.charset.StandardCharsets;
import org.eclipse.paho.client.mqttv3.MqttAsyncClient;
import org.eclipse.paho.client.mqttv3.MqttConnectOptions;
import org.eclipse.paho.client.mqttv3.MqttException;
import org.eclipse.paho.client.mqttv3.persist.MemoryPersistence;

/** Prints what happens at home. */
public final class Kitchen {
    public static void main(String[] arguments) throws MqttException {
        MqttConnectOptions options = new MqttConnectOptions();
        options.setUserName("kitchen");
        options.setPassword("sesame".toCharArray());
        options.setCleanSession(false);
        options.setKeepAliveInterval(540);
        options.setAutomaticReconnect(true);

        String address = "cirrus+wss://abc123.execute-api.eu-west-1.amazonaws.com/mqtt";
        MqttAsyncClient client = new MqttAsyncClient(address, "kitchen-1", new MemoryPersistence());
        client.connect(options).waitForCompletion();
        client.subscribe("home/#", 1, (topic, message) ->
                System.out.println(topic + " " + new String(message.getPayload(), StandardCharsets.UTF_8)));
    }
}
