/// mqtt_client with the text frames of API Gateway, on every platform with dart:io.
library;

import 'dart:async';
import 'dart:io' show WebSocket;
import 'dart:typed_data';

import 'package:event_bus/event_bus.dart';
import 'package:mqtt_client/mqtt_client.dart';
import 'package:mqtt_client/mqtt_server_client.dart';

import 'wire.dart';

export 'wire.dart' show GatewayException, WireException;

/// Client of mqtt_client for a gateway; everything except the constructor is as in `MqttServerClient`.
class CirrusClient extends MqttClient {
  /// [address] is `wss://host/mqtt`, optionally with a token in its query; [headers] are sent in the handshake.
  ///
  /// Throws an [ArgumentError] if the scheme is not `ws` or `wss`, or there is no host.
  CirrusClient(
    Uri address,
    String clientIdentifier, {
    this.headers,
    this.maxConnectionAttempts = MqttClientConstants.defaultMaxConnectionAttempts,
  }) : super.withPort(_checked(address).toString(), clientIdentifier, _portOf(address)) {
    websocketProtocols = MqttClientConstants.protocolsSingleDefault;
  }

  final Map<String, dynamic>? headers;
  final int maxConnectionAttempts;

  @override
  Future<MqttClientConnectionStatus?> connect([String? username, String? password]) async {
    MqttClientEnvironment.isWebClient = false;
    instantiationCorrect = true;
    final eventBus = MqttEventBus.fromEventBus(EventBus());
    eventBus.on<DisconnectOnNoPingResponse>().listen(disconnectOnNoPingResponse);
    eventBus.on<DisconnectOnNoMessageSent>().listen(disconnectOnNoMessageSent);
    clientEventBus = eventBus;
    connectionHandler = _Handler(
      eventBus,
      maxConnectionAttempts: maxConnectionAttempts,
      reconnectTimePeriod: connectTimeoutPeriod,
    )..websocketHeaders = headers;
    return super.connect(username, password);
  }

  static Uri _checked(Uri address) {
    if (address.scheme != 'wss' && address.scheme != 'ws') {
      throw ArgumentError.value(address.scheme, 'address', 'its scheme is wss or ws, not');
    }
    if (address.host.isEmpty) throw ArgumentError('an address has a host: wss://host/mqtt');
    return address;
  }

  static int _portOf(Uri address) {
    if (address.hasPort) return address.port;
    return address.scheme == 'wss' ? 443 : 80;
  }
}

/// mqtt_client has no option for another WebSocket class, but it assigns its WebSocket to this field, which wraps it.
class _Handler extends SynchronousMqttServerConnectionHandler {
  _Handler(super.clientEventBus, {required super.maxConnectionAttempts, required super.reconnectTimePeriod})
    : super(socketOptions: [], socketTimeout: null) {
    useWebSocket = true;
  }

  late MqttConnectionBase _connection;

  @override
  MqttConnectionBase get connection => _connection;

  @override
  set connection(MqttConnectionBase made) {
    _connection = made is MqttServerWsConnection ? _textFrames(made) : made;
  }

  _TextFrameConnection _textFrames(MqttServerWsConnection made) => _TextFrameConnection(clientEventBus)
    ..protocols = made.protocols
    ..headers = made.headers;
}

/// Sends text frames instead of binary ones. Packets of one turn of the event loop share a frame.
class _TextFrameConnection extends MqttServerWsConnection {
  _TextFrameConnection(MqttEventBus? eventBus) : super(eventBus, [], null);

  FrameWriter? _frames;
  bool _turnEnds = false;

  /// Called for each connection; after a reconnect the numbers of frames restart with 1.
  @override
  StreamSubscription onListen() {
    final webSocket = client;
    if (webSocket == null) throw StateError('not connected');
    _frames = FrameWriter(webSocket.add);
    return webSocket.listen(_receive, onError: onError, onDone: onDone);
  }

  /// Throws a [WireException] for a packet that the wire format does not allow, and ends the connection.
  @override
  void send(MqttByteBuffer message) {
    if (client?.readyState != WebSocket.open) return;
    try {
      _frames?.write(Uint8List.fromList(message.read(message.length)));
    } on WireException catch (broken) {
      _fail(broken);
      rethrow;
    }
    _flushAtEndOfTurn();
  }

  /// A DISCONNECT is sent in the same turn as the close.
  @override
  void closeClient() {
    _flush();
    super.closeClient();
  }

  void _flushAtEndOfTurn() {
    if (_turnEnds) return;
    _turnEnds = true;
    scheduleMicrotask(() {
      _turnEnds = false;
      _flush();
    });
  }

  void _flush() {
    if (client?.readyState == WebSocket.open) _frames?.flush();
  }

  void _receive(dynamic frame) {
    try {
      onData(readFrame(frame));
    } on WireException catch (broken) {
      _fail(broken);
    }
  }

  void _fail(WireException broken) {
    MqttLogger.log('cirrus_mqtt - $broken');
    onError(broken);
  }
}
