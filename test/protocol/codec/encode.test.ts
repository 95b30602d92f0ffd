import { describe, expect, test } from '@jest/globals';
import { generate } from 'mqtt-packet';
import { encode } from '../../../lambdas/protocol/codec/encode';
import { mqttPacketForm } from '../../support/mqtt-packet-form';
import { hex, publish } from '../../support/packets';
import { Random } from '../../support/random';

describe('encode', () => {
  test('writes PUBLISH at QoS 0', () => {
    expect(encode(publish({ payload: hex('0102') }), 4)).toEqual(hex('30 07 0003 612f62 0102'));
  });

  test('writes PUBLISH with all flags', () => {
    const packet = publish({ qos: 2, messageId: 258, dup: true, retain: true, payload: Buffer.alloc(0) });

    expect(encode(packet, 4)).toEqual(hex('3d 07 0003 612f62 0102'));
  });

  test('writes PUBLISH byte by byte as mqtt-packet does', () => {
    const random = new Random(3);
    const lengths = [0, 1, 121, 122, 123, 124, 16_376, 16_377, 16_378, 16_379, 16_380, 98_290, 2_097_145, 2_097_147];
    for (const length of lengths) {
      const packet = publish({
        topic: random.pick(['a/b', '\u20ac/\u{1f4a1}', 'x'.repeat(200)]),
        payload: Buffer.alloc(length, 0x61),
        qos: random.pick([0, 1, 2] as const),
        messageId: 7,
      });

      expect(encode(packet, 4).equals(generate(mqttPacketForm(packet), { protocolVersion: 4 }))).toBe(true);
    }
  });

  test('writes what a server answers', () => {
    expect(encode({ cmd: 'connack', returnCode: 0, sessionPresent: true }, 4)).toEqual(hex('20 02 01 00'));
    expect(encode({ cmd: 'connack', returnCode: 1, sessionPresent: false }, 4)).toEqual(hex('20 02 00 01'));
    expect(encode({ cmd: 'puback', messageId: 7 }, 4)).toEqual(hex('40 02 0007'));
    expect(encode({ cmd: 'pubrec', messageId: 7 }, 4)).toEqual(hex('50 02 0007'));
    expect(encode({ cmd: 'pubrel', messageId: 7 }, 4)).toEqual(hex('62 02 0007'));
    expect(encode({ cmd: 'pubcomp', messageId: 7 }, 4)).toEqual(hex('70 02 0007'));
    expect(encode({ cmd: 'suback', messageId: 7, granted: [0, 1, 2, 128] }, 4)).toEqual(hex('90 06 0007 00 01 02 80'));
    expect(encode({ cmd: 'unsuback', messageId: 7, granted: [] }, 4)).toEqual(hex('b0 02 0007'));
    expect(encode({ cmd: 'pingresp' }, 4)).toEqual(hex('d0 00'));
  });

  test('MQTT 3.1 has no session present flag', () => {
    expect(encode({ cmd: 'connack', returnCode: 0, sessionPresent: true }, 3)).toEqual(hex('20 02 00 00'));
  });
});
