"""paho-mqtt for brokers behind API Gateway, which accepts MQTT only as numbered base64 text frames."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, Union
from urllib.parse import urlsplit

from paho.mqtt import client as paho

from .text_socket import TextSocket
from .wire import MAX_PACKET_BYTES, GatewayError, WireError

__all__ = ["CirrusClient", "GatewayError", "Token", "TokenError", "WireError"]

#: A bearer token, or a function that returns one. It is called for every connection, reconnects included.
Token = Union[str, Callable[[], str]]

# The name is `_WebsocketWrapper` since paho-mqtt 2.0.
_PahoWebsocket: Any = getattr(paho, "_WebsocketWrapper", None) or getattr(paho, "WebsocketWrapper")

_DEFAULT_PORTS = {"ws": 80, "wss": 443}

# RFC 6750, section 2.1.
_BEARER = re.compile(r"[\w.~+/-]+=*", re.ASCII)


class TokenError(ConnectionError):
    """There is no token for a handshake. Paho's loops retry it like any failed connection."""


class CirrusClient(paho.Client):
    """A ``paho.mqtt.client.Client`` that connects with ``connect_url``. Everything else is as in paho.

    It takes the arguments of paho's constructor but ``transport``, which is always ``websockets``.
    """

    _text_socket: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        transport = kwargs.setdefault("transport", "websockets")
        super().__init__(*args, **{**kwargs, "transport": "websockets"})
        # After paho's constructor, whose fields paho's destructor needs.
        if transport != "websockets":
            raise ValueError(f'transport is "{transport}", but API Gateway speaks only "websockets"')

    def connect_url(self, url: str, keepalive: int = 540, **options: Any) -> int:
        """Connects, as ``connect`` does.

        :param url: ``wss://host/mqtt`` of the gateway, with a query if it needs one.
        :param keepalive: seconds between pings; API Gateway ends a connection that was quiet for 600.
        :param options: ``token`` and ``headers`` for the handshake (see ``connect_url_async``); the rest goes to paho.
        :returns: ``MQTT_ERR_SUCCESS``; whether the broker lets the client in is told to ``on_connect``.
        :raises ValueError: for an address that is not one of a gateway, and a keep-alive that would not hold.
        :raises OSError: when there is no connection to be had.
        """
        self.connect_url_async(url, keepalive, **options)
        return self.reconnect()

    def connect_url_async(
        self,
        url: str,
        keepalive: int = 540,
        token: Token | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Stores the address; ``loop_start`` or ``loop_forever`` connects.

        :param token: goes into the handshake as ``Authorization: Bearer``. When a function raises, or returns what is
            no token, the attempt ends with a ``TokenError``, which is logged, and the next one asks again.
        :param headers: others for the handshake.
        :raises ValueError: as ``connect_url``, and for a text that is no bearer token.
        """
        host, port, path, is_tls = _address(url)
        if not 0 < keepalive < 600:
            raise ValueError(f"keepalive is {keepalive}, but has to be from 1 to 599: API Gateway ends what is quiet")
        if is_tls and not self._ssl:
            self.tls_set()  # The certificate authorities of the system.
        if self._ssl and not is_tls:
            raise ValueError(f'TLS is set, but the address "{_without_query(url)}" begins with ws://')
        if isinstance(token, str):
            _checked(token, ValueError)
        self.ws_set_options(path, lambda standard: {**standard, **(headers or {}), **self._authorization(token)})
        self.connect_async(host, port, keepalive, **options)

    def publish(self, topic: Any, payload: Any = None, qos: int = 0, *args: Any, **kwargs: Any) -> Any:
        """As in paho.

        :raises ValueError: also for a message whose packet is over 97,280 bytes, before any of it is sent or queued.
        """
        properties = kwargs.get("properties", args[1] if len(args) > 1 else None)
        size = self._packet_size(topic, payload, qos, properties)
        if size > MAX_PACKET_BYTES:
            raise ValueError(f"a packet of {size} bytes is over the limit of {MAX_PACKET_BYTES}")
        return super().publish(topic, payload, qos, *args, **kwargs)

    def loop_read(self, *args: Any, **kwargs: Any) -> Any:
        """As in paho; it also handles further packets of the same frame, which an event loop cannot see."""
        result = super().loop_read(*args, **kwargs)
        while result == paho.MQTT_ERR_SUCCESS and isinstance(self._sock, TextSocket) and self._sock.has_packets:
            result = super().loop_read(*args, **kwargs)
        return result

    def _authorization(self, token: Token | None) -> dict[str, str]:
        if token is None:
            return {}
        try:
            return {"Authorization": f"Bearer {_asked(token)}"}
        except TokenError as error:
            self._easy_log(paho.MQTT_LOG_ERR, "failed to connect: %s", error)  # paho itself logs only that it retries.
            raise

    def _packet_size(self, topic: Any, payload: Any, qos: int, properties: Any) -> int:
        body = 2 + _length(topic) + _length(payload) + (2 if qos > 0 else 0)
        if self._protocol == paho.MQTTv5:
            body += len(properties.pack()) if properties else 1
        return 1 + _length_bytes(body) + body

    # Each version of paho creates its WebSocket in another method, but all store it here.
    @property
    def _sock(self) -> Any:
        return self._text_socket

    @_sock.setter
    def _sock(self, sock: Any) -> None:
        if isinstance(sock, _PahoWebsocket):
            sock = TextSocket(sock._socket, lambda: len(self._out_packet) > 0)
        self._text_socket = sock


def _address(url: str) -> tuple[str, int, str, bool]:
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f'"{_without_query(url)}" is no address of a gateway, which are like wss://host/mqtt')
    if parts.username is not None:
        raise ValueError("a user name in the address: tell it to username_pw_set instead")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme], path, parts.scheme == "wss"


def _without_query(url: str) -> str:
    """The URL without its query, which may contain a token."""
    return url.partition("?")[0]


def _asked(token: Token) -> str:
    try:
        given = token() if callable(token) else token
    except Exception as error:  # No error may end the loop, which will retry.
        raise TokenError(f"no token: {error}") from error
    return _checked(given, TokenError)


def _checked(token: Any, error: type[Exception]) -> str:
    if isinstance(token, str) and _BEARER.fullmatch(token):
        return token
    kind = "a text" if isinstance(token, str) else type(token).__name__
    raise error(f"token is {kind} that is no bearer token")


def _length(value: Any) -> int:
    if value is None:
        return 0
    return len(value if isinstance(value, (bytes, bytearray)) else str(value).encode("utf-8"))


def _length_bytes(body: int) -> int:
    return 1 if body < 128 else 2 if body < 16_384 else 3 if body < 2_097_152 else 4
