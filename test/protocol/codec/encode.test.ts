import { describe, expect, test } from '@jest/globals';
import { generate } from 'mqtt-packet';
import { encode } from '../../../lambdas/protocol/codec/encode';
import { clause } from '../../support/clause';
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

  clause('v3 MQTT-2.2.2-1', 'writes what a server answers', () => {
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

describe('encode at MQTT 5.0', () => {
  test('writes PUBLISH with properties in the order given', () => {
    const properties = {
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
      ],
      subscriptionIdentifiers: [128, 1],
      payloadFormatIndicator: true,
    } as const;
    const packet = publish({ qos: 1, messageId: 7, payload: hex('ff'), properties });

    expect(encode(packet, 5)).toEqual(
      hex(`32 25 0003 612f62 0007 1c
        26 0001 62 0001 31 26 0001 61 0001 32 26 0001 62 0001 33
        0b 8001 0b 01 01 01 ff`),
    );
  });

  clause('MQTT-2.2.2-1', 'writes PUBLISH without properties', () => {
    expect(encode(publish({ payload: hex('ff') }), 5)).toEqual(hex('30 07 0003 612f62 00 ff'));
    expect(encode(publish({ payload: hex('ff'), properties: {} }), 5)).toEqual(hex('30 07 0003 612f62 00 ff'));
  });

  test('leaves out a property that is undefined', () => {
    const packet = publish({ payload: hex('ff'), properties: { contentType: undefined, topicAlias: 1 } });

    expect(encode(packet, 5)).toEqual(hex('30 0a 0003 612f62 03 23 0001 ff'));
  });

  test('leaves out properties before MQTT 5.0', () => {
    const packet = publish({ payload: hex('ff'), properties: { contentType: 't' } });

    expect(encode(packet, 4)).toEqual(hex('30 06 0003 612f62 ff'));
  });

  test('writes every property of CONNACK', () => {
    const properties = {
      sessionExpiryInterval: 3600,
      receiveMaximum: 10,
      maximumQoS: 1,
      retainAvailable: false,
      maximumPacketSize: 98_304,
      assignedClientIdentifier: 'c',
      topicAliasMaximum: 5,
      reasonString: 'r',
      userProperties: [['n', 'v']],
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: true,
      sharedSubscriptionAvailable: true,
      serverKeepAlive: 540,
      responseInformation: 'i',
      serverReference: 's',
      authenticationMethod: 'm',
      authenticationData: hex('ff'),
    } as const;

    expect(encode({ cmd: 'connack', sessionPresent: true, reasonCode: 0, properties }, 5)).toEqual(
      hex(`20 3f 01 00 3c
        11 00000e10 21 000a 24 01 25 00 27 00018000 12 0001 63 22 0005 1f 0001 72
        26 0001 6e 0001 76 28 01 29 01 2a 01 13 021c 1a 0001 69 1c 0001 73 15 0001 6d 16 0001 ff`),
    );
  });

  test('writes acknowledgements in their shortest form', () => {
    expect(encode({ cmd: 'puback', messageId: 7 }, 5)).toEqual(hex('40 02 0007'));
    expect(encode({ cmd: 'pubrec', messageId: 7, reasonCode: 0, properties: {} }, 5)).toEqual(hex('50 02 0007'));
    expect(encode({ cmd: 'pubrel', messageId: 7, reasonCode: 0x92 }, 5)).toEqual(hex('62 03 0007 92'));
    expect(encode({ cmd: 'pubcomp', messageId: 7, properties: { reasonString: 'r' } }, 5)).toEqual(
      hex('70 08 0007 00 04 1f 0001 72'),
    );
  });

  test('writes responses of a server', () => {
    expect(encode({ cmd: 'connack', sessionPresent: false, reasonCode: 0x84 }, 5)).toEqual(hex('20 03 00 84 00'));
    expect(encode({ cmd: 'suback', messageId: 7, granted: [0, 2, 0x8f] }, 5)).toEqual(hex('90 06 0007 00 00 02 8f'));
    expect(encode({ cmd: 'unsuback', messageId: 7, granted: [0, 0x11] }, 5)).toEqual(hex('b0 05 0007 00 00 11'));
    expect(encode({ cmd: 'pingresp' }, 5)).toEqual(hex('d0 00'));
    expect(encode({ cmd: 'disconnect' }, 5)).toEqual(hex('e0 00'));
    expect(encode({ cmd: 'disconnect', reasonCode: 0x8e }, 5)).toEqual(hex('e0 02 8e 00'));
    expect(encode({ cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'm' } }, 5)).toEqual(
      hex('f0 06 18 04 15 0001 6d'),
    );
  });

  test('leaves out the codes of UNSUBACK before MQTT 5.0', () => {
    expect(encode({ cmd: 'unsuback', messageId: 7, granted: [0, 0x11] }, 4)).toEqual(hex('b0 02 0007'));
  });

  test('refuses packets and properties that the version does not have', () => {
    expect(() => encode({ cmd: 'disconnect', reasonCode: 0x8e }, 4)).toThrow('does not send disconnect');
    expect(() => encode({ cmd: 'connack', sessionPresent: false, returnCode: 5 }, 5)).toThrow('without a code');
    expect(() => encode(publish({ properties: { nonsense: 1 } as object }), 5)).toThrow('no property nonsense');
    expect(() => encode(publish({ topic: 'x'.repeat(65_536) }), 4)).toThrow('out of range');
    expect(() => encode(publish({ qos: 1 }), 4)).toThrow('without a packet id');
  });
});
