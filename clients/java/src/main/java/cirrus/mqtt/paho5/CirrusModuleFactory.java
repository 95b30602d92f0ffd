package cirrus.mqtt.paho5;

import cirrus.mqtt.websocket.GatewayAddress;
import cirrus.mqtt.websocket.GatewayConnection;
import cirrus.mqtt.websocket.SocketOptions;
import java.net.URI;
import java.util.Set;
import javax.net.SocketFactory;
import javax.net.ssl.SSLSocketFactory;
import org.eclipse.paho.mqttv5.client.MqttClientException;
import org.eclipse.paho.mqttv5.client.MqttConnectionOptions;
import org.eclipse.paho.mqttv5.client.internal.NetworkModule;
import org.eclipse.paho.mqttv5.client.security.SSLSocketFactoryFactory;
import org.eclipse.paho.mqttv5.client.spi.NetworkModuleFactory;
import org.eclipse.paho.mqttv5.common.MqttException;

/** Adds the scheme {@code cirrus+wss} to Paho's client for MQTT 5.0, which finds this service by itself. */
public final class CirrusModuleFactory implements NetworkModuleFactory {
    @Override
    public Set<String> getSupportedUriSchemes() {
        return GatewayAddress.SCHEMES;
    }

    @Override
    public void validateURI(URI uri) {
        new GatewayAddress(uri);
    }

    @Override
    public NetworkModule createNetworkModule(URI uri, MqttConnectionOptions options, String clientId) throws MqttException {
        GatewayAddress address = new GatewayAddress(uri);
        SocketOptions chosen = new SocketOptions()
                .timeoutSeconds(options.getConnectionTimeout())
                .verifiesHost(options.isHttpsHostnameVerificationEnabled(), options.getSSLHostnameVerifier())
                .headers(options.getCustomWebSocketHeaders());
        chooseFactory(address, options, chosen);
        return new Module(address, chosen);
    }

    private static void chooseFactory(GatewayAddress address, MqttConnectionOptions options, SocketOptions chosen)
            throws MqttException {
        SocketFactory given = options.getSocketFactory();
        if (given != null && address.isSecure() && !(given instanceof SSLSocketFactory))
            throw new MqttException(MqttClientException.REASON_CODE_SOCKET_FACTORY_MISMATCH);
        chosen.factory(given);
        if (given != null || !address.isSecure() || options.getSSLProperties() == null) return;
        SSLSocketFactoryFactory factories = new SSLSocketFactoryFactory();
        factories.initialize(options.getSSLProperties(), null);
        chosen.factory(factories.createSocketFactory(null)).ciphers(factories.getEnabledCipherSuites(null));
    }

    private static final class Module extends GatewayConnection implements NetworkModule {
        Module(GatewayAddress address, SocketOptions options) {
            super(address, options);
        }
    }
}
