package cirrus.mqtt.websocket;

import java.net.URI;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Set;

/** The URL of a gateway: {@code cirrus+wss://host[:port]/path[?query]}, or {@code cirrus+ws} without TLS. */
public final class GatewayAddress {
    /** The schemes, in lower case. Paho itself handles {@code ws} and {@code wss}, with binary frames. */
    public static final Set<String> SCHEMES =
            Collections.unmodifiableSet(new LinkedHashSet<>(Arrays.asList("cirrus+wss", "cirrus+ws")));

    private final URI uri;

    /** @throws IllegalArgumentException if the address has another scheme, no host, or a user name in it */
    public GatewayAddress(URI uri) {
        String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
        if (!SCHEMES.contains(scheme))
            throw new IllegalArgumentException("\"" + scheme + "\" is none of the schemes " + SCHEMES);
        if (uri.getHost() == null)
            throw new IllegalArgumentException("no host in the address; it looks like cirrus+wss://host/mqtt");
        if (uri.getRawUserInfo() != null)
            throw new IllegalArgumentException("a user name belongs into the options, not into the address");
        this.uri = uri;
    }

    public boolean isSecure() {
        return uri.getScheme().equalsIgnoreCase("cirrus+wss");
    }

    public String host() {
        return uri.getHost();
    }

    public int port() {
        if (uri.getPort() != -1) return uri.getPort();
        return isSecure() ? 443 : 80;
    }

    /** Value of the header Host; it contains the port only if it is not the default. */
    String authority() {
        return uri.getPort() == -1 ? host() : host() + ":" + port();
    }

    /** Path and query of the request. */
    String resource() {
        String path = uri.getRawPath() == null || uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
        return uri.getRawQuery() == null ? path : path + "?" + uri.getRawQuery();
    }

    /** The URL without its query, which may contain a token. */
    @Override
    public String toString() {
        return uri.getScheme() + "://" + uri.getRawAuthority() + (uri.getRawPath() == null ? "" : uri.getRawPath());
    }
}
