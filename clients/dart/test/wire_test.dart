import 'dart:convert';
import 'dart:io';
import 'dart:typed_data';

import 'package:cirrus_mqtt/wire.dart';
import 'package:test/test.dart';

/// `<3*2a>` stands for `2a2a2a`.
String expand(String text) => text.replaceAllMapped(
  RegExp(r'<(\d+)\*([^>]*)>'),
  (run) => run[2]! * int.parse(run[1]!),
);

Uint8List bytesOf(String hex) {
  final digits = expand(hex);
  return Uint8List.fromList([
    for (var at = 0; at < digits.length; at += 2) int.parse(digits.substring(at, at + 2), radix: 16),
  ]);
}

List<String> play(List<dynamic> writes) {
  final frames = <String>[];
  final writer = FrameWriter(frames.add);
  for (final write in writes.cast<String>()) {
    if (write.isEmpty) {
      writer.flush();
    } else {
      writer.write(bytesOf(write));
    }
  }
  writer.flush();
  return frames;
}

Matcher throwsSaying(String message) => throwsA(isA<WireException>().having((broken) => broken.message, 'message', message));

void main() {
  final vectors = jsonDecode(File('../../docs/wire-vectors.json').readAsStringSync()) as Map<String, dynamic>;
  List<Map<String, dynamic>> those(String kind) => (vectors[kind] as List).cast();

  for (final vector in those('clientToServer')) {
    test('writes: ${vector['name']}', () {
      expect(play(vector['writes']), [for (final frame in vector['frames']) expand(frame)]);
    });
  }

  for (final vector in those('clientToServerErrors')) {
    test('refuses to write: ${vector['name']}', () {
      expect(() => play(vector['writes']), throwsSaying(vector['error']));
    });
  }

  for (final vector in those('serverToClient')) {
    test('reads: ${vector['name']}', () {
      expect(readFrame(expand(vector['frame'])), bytesOf(vector['bytes']));
    });
  }

  for (final vector in those('serverToClientErrors')) {
    test('refuses to read: ${vector['name']}', () {
      expect(() => readFrame(vector['frame']), throwsSaying(vector['error']));
    });
  }

  test('refuses to read what is binary', () {
    expect(() => readFrame(Uint8List(2)), throwsSaying('binary frame from the gateway'));
  });
}
