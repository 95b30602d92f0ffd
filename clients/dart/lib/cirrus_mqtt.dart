/// mqtt_client over the text frames of API Gateway, on every platform that has dart:io.
library;

import 'dart:async';
import 'dart:io' show WebSocket;
import 'dart:typed_data';

import 'package:event_bus/event_bus.dart';
import 'package:mqtt_client/mqtt_client.dart';
import 'package:mqtt_client/mqtt_server_client.dart';

import 'wire.dart';

export 'wire.dart' show GatewayException, WireException;

/// mqtt_client's client for a gateway; everything but the constructor is as in `MqttServerClient`.
class CirrusClient extends MqttClient {
  /// [address] is `wss://host/mqtt`, a token in its query perhaps; [headers] go into the handshake.
  ///
  /// Throws an [ArgumentError] if the address is none of `ws` or `wss`, or has no host.
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

/// mqtt_client has no place for a WebSocket of one's own; but it assigns the one that it makes, and that is it.
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

/// Text frames in place of binary ones. What is sent in a turn of the event loop shares a frame.
class _TextFrameConnection extends MqttServerWsConnection {
  _TextFrameConnection(MqttEventBus? eventBus) : super(eventBus, [], null);

  FrameWriter? _frames;
  bool _turnEnds = false;

  /// Called for each connection, also after a reconnect, which counts frames anew.
  @override
  StreamSubscription onListen() {
    final webSocket = client;
    if (webSocket == null) throw StateError('not connected');
    _frames = FrameWriter(webSocket.add);
    return webSocket.listen(_receive, onError: onError, onDone: onDone);
  }

  /// Throws a [WireException] for a packet that the format does not carry, and ends the connection.
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

  /// A DISCONNECT is sent in the turn that closes.
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
