/// The wire format, for use with any library.
library;

import 'dart:convert';
import 'dart:math';
import 'dart:typed_data';

/// Maximum raw bytes in a frame: their base64 leaves 16 of API Gateway's 32,768 characters for number and dot.
const maxFrameBytes = 24564;

/// Maximum Packet Size of the broker in bytes, fixed header included.
const maxPacketBytes = 97280;

/// The gateway, or the library above, violated the wire format. The connection cannot continue.
class WireException implements Exception {
  WireException(this.message);

  final String message;

  @override
  String toString() => message;
}

/// API Gateway responded in place of the broker.
class GatewayException extends WireException {
  GatewayException(String report) : super('gateway: $report');
}

/// Turns MQTT bytes in any chunking into numbered text frames of whole packets, or of slices of one large packet.
/// Use one for each connection.
class FrameWriter {
  /// [send] takes each frame, synchronously and in order.
  FrameWriter(this._send);

  static const _maxHeaderBytes = 5;

  final void Function(String frame) _send;
  final _whole = BytesBuilder();
  final _packet = BytesBuilder();
  int _frames = 0;
  bool _inHeader = true;
  int _remainingLength = 0;
  int _missing = 0;

  /// Takes bytes of the stream. Full frames are sent at once, the rest by [flush].
  ///
  /// Throws a [WireException] if a packet is over [maxPacketBytes] (nothing of it has been sent), or its remaining
  /// length has more than four bytes. Do not write anything after it.
  void write(Uint8List bytes) {
    for (var at = 0; at < bytes.length;) {
      if (_inHeader) {
        _readHeader(bytes[at]);
        at += 1;
      } else {
        at += _readBody(Uint8List.sublistView(bytes, at));
      }
    }
  }

  /// Sends the whole packets written since the last frame; an incomplete packet stays.
  void flush() {
    if (_whole.isNotEmpty) _sendFrame(_whole.takeBytes());
  }

  void _readHeader(int byte) {
    _packet.addByte(byte);
    if (_packet.length == 1) return;
    _remainingLength |= (byte & 0x7f) << (7 * (_packet.length - 2));
    if (byte < 0x80) {
      _startBody();
    } else if (_packet.length == _maxHeaderBytes) {
      throw WireException('malformed remaining length: more than 4 bytes');
    }
  }

  void _startBody() {
    final bytes = _packet.length + _remainingLength;
    if (bytes > maxPacketBytes) {
      throw WireException('a packet of $bytes bytes is over the limit of $maxPacketBytes');
    }
    _inHeader = false;
    _missing = _remainingLength;
    if (_missing == 0) _endPacket();
  }

  int _readBody(Uint8List bytes) {
    final taken = min(bytes.length, _missing);
    _packet.add(Uint8List.sublistView(bytes, 0, taken));
    _missing -= taken;
    if (_missing == 0) _endPacket();
    return taken;
  }

  void _endPacket() {
    final bytes = _packet.takeBytes();
    _inHeader = true;
    _remainingLength = 0;
    if (_whole.length + bytes.length > maxFrameBytes) flush();
    if (bytes.length <= maxFrameBytes) {
      _whole.add(bytes);
    } else {
      _sendSlices(bytes);
    }
  }

  void _sendSlices(Uint8List bytes) {
    for (var at = 0; at < bytes.length; at += maxFrameBytes) {
      _sendFrame(Uint8List.sublistView(bytes, at, min(at + maxFrameBytes, bytes.length)));
    }
  }

  void _sendFrame(Uint8List bytes) {
    _frames += 1;
    _send('$_frames.${base64.encode(bytes)}');
  }
}

/// The MQTT bytes of a frame from the server, which are always whole packets.
///
/// Throws a [GatewayException] if the frame is an error message of API Gateway, and a [WireException] if it is binary or
/// no strict base64.
Uint8List readFrame(Object? frame) {
  if (frame is! String) throw WireException('binary frame from the gateway');
  if (frame.startsWith('{')) throw GatewayException(_reportIn(frame));
  final bytes = _decoded(frame);
  if (bytes == null) throw WireException('frame is not base64: ${frame.length} characters');
  return bytes;
}

/// Dart's decoder also accepts the URL-safe alphabet; only strict base64 survives decoding and encoding.
Uint8List? _decoded(String frame) {
  try {
    final bytes = base64.decode(frame);
    return bytes.isNotEmpty && base64.encode(bytes) == frame ? bytes : null;
  } on FormatException {
    return null;
  }
}

String _reportIn(String frame) {
  try {
    final report = jsonDecode(frame) as Map<String, dynamic>;
    return '${report['message'] ?? frame}';
  } on FormatException {
    return frame;
  }
}
