/*
 * Packets that must be refused: malformed.test.ts.
 * Proved elsewhere: [v3 MQTT-3.1.2-24] the deadlines; [v3 MQTT-2.3.1-2] to [v3 MQTT-2.3.1-4] the outbound queue in storage.
 * Not decided by the 3.1.1 specification: a Remaining Length with more bytes than necessary is read [v3 section 2.2.3]; MQTT 5.0 forbids it.
 */
import { describe, expect, test } from '@jest/globals';
import { decode } from '../../../lambdas/protocol/codec/decode';
import { clause } from '../../support/clause';
import { hex } from '../../support/packets';
import { thrownBy } from '../../support/thrown-by';

describe('decode CONNECT', () => {
  test('reads the smallest CONNECT of MQTT 3.1.1', () => {
    expect(decode(hex('10 0c 0004 4d515454 04 02 003c 0000'), undefined)).toMatchObject({
      cmd: 'connect',
      protocolVersion: 4,
      clean: true,
      keepalive: 60,
      clientId: '',
    });
  });

  test('reads a CONNECT with everything in it', () => {
    const bytes = hex('10 19 0004 4d515454 04 f6 0000 0001 63 0001 77 0000 0001 75 0002 ff00');

    expect(decode(bytes, undefined)).toMatchObject({
      clientId: 'c',
      clean: true,
      keepalive: 0,
      will: { topic: 'w', payload: Buffer.alloc(0), qos: 2, retain: true },
      username: 'u',
      password: hex('ff00'),
    });
  });

  test('reads a CONNECT of MQTT 3.1', () => {
    expect(decode(hex('10 0f 0006 4d5149736470 03 00 000a 0001 63'), undefined)).toMatchObject({
      protocolId: 'MQIsdp',
      protocolVersion: 3,
      clean: false,
    });
  });

  test('masks the bit a Mosquitto bridge sets in the protocol level', () => {
    expect(decode(hex('10 0d 0004 4d515454 84 02 003c 0001 61'), undefined)).toMatchObject({ protocolVersion: 4 });
    expect(decode(hex('10 0f 0006 4d5149736470 83 02 003c 0001 61'), undefined)).toMatchObject({ protocolVersion: 3 });
  });

  test('an empty user name and an empty password are present', () => {
    expect(decode(hex('10 11 0004 4d515454 04 c2 003c 0001 61 0000 0000'), undefined)).toMatchObject({
      username: '',
      password: Buffer.alloc(0),
    });
  });

  test('reads a second CONNECT, so that its handler can refuse it', () => {
    expect(decode(hex('10 0c 0004 4d515454 04 02 003c 0000'), 4)).toMatchObject({ cmd: 'connect' });
  });

  test('accepts the bridge bit only in MQTT 3.1 and 3.1.1', () => {
    decode(hex('10 0d 0004 4d515454 84 02 003c 0001 61'), 4);

    expect(decode(hex('82 06 0001 0001 61 01'), 4)).toHaveProperty('subscriptions', [{ topic: 'a', qos: 1 }]);
  });

  test('reads a CONNECT whose length takes two bytes', () => {
    const bytes = Buffer.concat([hex('10 d401 0004 4d515454 04 02 003c 00c8'), Buffer.alloc(200, 0x61)]);

    expect(decode(bytes, undefined)).toMatchObject({ clientId: 'a'.repeat(200) });
  });

  clause('v3 MQTT-3.1.2-2', 'an unknown level is told apart from other mistakes', () => {
    const error = thrownBy(() => decode(hex('10 0e 0004 4d515454 06 02 003c 00 0001 61'), undefined));

    expect(error).toMatchObject({ reason: 0x84, message: expect.stringContaining('level 6') });
  });
});

describe('decode', () => {
  test('reads PUBLISH', () => {
    expect(decode(hex('3d 0a 0003 612f62 0007 010203'), 4)).toMatchObject({
      cmd: 'publish',
      topic: 'a/b',
      payload: hex('010203'),
      qos: 2,
      messageId: 7,
      dup: true,
      retain: true,
    });
  });

  test('reads PUBLISH without a payload', () => {
    expect(decode(hex('31 05 0003 612f62'), 4)).toMatchObject({ topic: 'a/b', payload: Buffer.alloc(0), retain: true });
  });

  test('reads the four acknowledgements', () => {
    expect(decode(hex('40 02 0007'), 4)).toMatchObject({ cmd: 'puback', messageId: 7 });
    expect(decode(hex('50 02 ffff'), 4)).toMatchObject({ cmd: 'pubrec', messageId: 65_535 });
    expect(decode(hex('62 02 0001'), 4)).toMatchObject({ cmd: 'pubrel', messageId: 1 });
    expect(decode(hex('70 02 0100'), 4)).toMatchObject({ cmd: 'pubcomp', messageId: 256 });
  });

  test('reads SUBSCRIBE', () => {
    expect(decode(hex('82 0c 0007 0003 612f62 01 0001 23 02'), 4)).toMatchObject({
      cmd: 'subscribe',
      messageId: 7,
      subscriptions: [
        { topic: 'a/b', qos: 1 },
        { topic: '#', qos: 2 },
      ],
    });
  });

  test('reads UNSUBSCRIBE', () => {
    expect(decode(hex('a2 0a 0007 0003 612f62 0001 23'), 4)).toMatchObject({
      cmd: 'unsubscribe',
      messageId: 7,
      unsubscriptions: ['a/b', '#'],
    });
  });

  test('reads PINGREQ and DISCONNECT', () => {
    expect(decode(hex('c000'), 4)).toMatchObject({ cmd: 'pingreq' });
    expect(decode(hex('e000'), 4)).toMatchObject({ cmd: 'disconnect' });
  });

  test('reads a remaining length with more bytes than it needs', () => {
    expect(decode(hex('c0 80 00'), 4)).toMatchObject({ cmd: 'pingreq' });
    expect(decode(hex('30 85 80 00 0003 612f62'), 4)).toMatchObject({ topic: 'a/b', payload: Buffer.alloc(0) });
  });

  test('does not check topic filters', () => {
    expect(decode(hex('82 05 0001 0000 00'), 4)).toMatchObject({ subscriptions: [{ topic: '', qos: 0 }] });
  });

  test('lets MQTT 3.1 clients set DUP where 3.1.1 reserves it', () => {
    expect(decode(hex('6a 02 0001'), 3)).toMatchObject({ cmd: 'pubrel', messageId: 1 });
    expect(decode(hex('8a 06 0001 0001 61 00'), 3)).toMatchObject({ cmd: 'subscribe', messageId: 1 });
    expect(decode(hex('aa 05 0001 0001 61'), 3)).toMatchObject({ cmd: 'unsubscribe', messageId: 1 });
  });

  clause('v3 MQTT-1.5.3-1', 'a sender may mean U+FFFD', () => {
    expect(decode(hex('30 05 0003 efbfbd'), 4)).toMatchObject({ topic: '\ufffd' });
    expect(decode(hex('82 08 0001 0003 efbfbd 00'), 4)).toMatchObject({ subscriptions: [{ topic: '\ufffd' }] });
  });

  test('does not change its input', () => {
    const bytes = hex('6a 02 0001');
    decode(bytes, 3);

    expect(bytes).toEqual(hex('6a 02 0001'));
  });

  clause('v3 MQTT-1.5.3-1', 'a sender may mean U+FFFD in a packet whose length takes two bytes', () => {
    const bytes = Buffer.concat([hex('30 cd01 0003 efbfbd'), Buffer.alloc(200, 0xff)]);

    expect(decode(bytes, 4)).toMatchObject({ topic: '\ufffd' });
  });

  clause(['MQTT-1.5.4-3', 'v3 MQTT-1.5.3-3'], 'U+FEFF stays where it is', () => {
    expect(decode(hex('30 06 0004 efbbbf61'), 4)).toMatchObject({ topic: '\ufeffa' });
    expect(decode(hex('30 07 0004 efbbbf61 00'), 5)).toMatchObject({ topic: '\ufeffa' });
  });

  test('characters beyond the basic plane and unassigned ones are well-formed', () => {
    expect(decode(hex('30 06 0004 f09f92a1'), 4)).toMatchObject({ topic: '\u{1f4a1}' });
    expect(decode(hex('30 04 0002 cdb8'), 4)).toMatchObject({ topic: '\u0378' });
  });

  test('reads a well-formed packet after a malformed one', () => {
    thrownBy(() => decode(hex('82 06 0001 0001 61 03'), 4));

    expect(decode(hex('82 06 0001 0001 61 02'), 4)).toMatchObject({ subscriptions: [{ topic: 'a', qos: 2 }] });
  });

  test('refuses bytes that are more or less than one packet', () => {
    expect(thrownBy(() => decode(hex('c000 c000'), 4))).toMatchObject({ reason: 0x81 });
    expect(thrownBy(() => decode(hex('40 02 00'), 4))).toMatchObject({ reason: 0x81 });
    expect(thrownBy(() => decode(Buffer.alloc(0), 4))).toMatchObject({ reason: 0x81 });
  });

  test('never puts a payload or password into an error message', () => {
    const connect = hex('10 13 0004 4d515454 04 42 003c 0001 61 0004 73657372');

    expect(String(thrownBy(() => decode(connect, undefined)))).not.toContain('sesr');
  });
});

describe('decode CONNECT of MQTT 5.0', () => {
  const smallest = hex('10 0d 0004 4d515454 05 02 003c 00 0000');

  test('reads the smallest CONNECT', () => {
    expect(decode(smallest, undefined)).toStrictEqual({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: true,
      keepalive: 60,
      clientId: '',
    });
  });

  clause('MQTT-3.1.3-1', 'reads a CONNECT with everything in it, in its order', () => {
    const connect = '0004 4d515454 05 f6 0000 05 11 0000003c 0001 63';
    const bytes = hex(`10 27 ${connect} 05 18 0000000a 0001 77 0002 6279 0001 75 0002 ff00`);

    expect(decode(bytes, undefined)).toStrictEqual({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: true,
      keepalive: 0,
      clientId: 'c',
      will: { topic: 'w', payload: Buffer.from('by'), qos: 2, retain: true, properties: { willDelayInterval: 10 } },
      username: 'u',
      password: hex('ff00'),
      properties: { sessionExpiryInterval: 60 },
    });
  });

  clause('MQTT-3.1.2-19', 'a password needs no user name', () => {
    const bytes = hex('10 11 0004 4d515454 05 42 003c 00 0001 61 0001 70');

    expect(decode(bytes, undefined)).toMatchObject({ password: Buffer.from('p') });
  });

  test('reads CONNECT of older versions', () => {
    expect(decode(hex('10 0c 0004 4d515454 04 02 003c 0000'), undefined)).toMatchObject({ protocolVersion: 4 });
    expect(decode(hex('10 0f 0006 4d5149736470 03 00 000a 0001 63'), undefined)).toMatchObject({
      protocolVersion: 3,
    });
  });

  clause('MQTT-3.1.0-2', 'reads a second one, so that its handler can refuse it', () => {
    expect(decode(smallest, 5)).toMatchObject({ cmd: 'connect' });
  });
});

describe('decode at MQTT 5.0', () => {
  test('reads PUBLISH', () => {
    expect(decode(hex('3d 0f 0003 612f62 0007 05 02 0000003c 6869'), 5)).toStrictEqual({
      cmd: 'publish',
      topic: 'a/b',
      payload: Buffer.from('hi'),
      qos: 2,
      dup: true,
      retain: true,
      messageId: 7,
      properties: { messageExpiryInterval: 60 },
    });
  });

  test('an empty topic is allowed with a Topic Alias', () => {
    expect(decode(hex('30 06 0000 03 23 ffff'), 5)).toMatchObject({ topic: '', properties: { topicAlias: 65_535 } });
  });

  test('acknowledgements may omit Success, or their properties', () => {
    expect(decode(hex('40 02 0007'), 5)).toStrictEqual({ cmd: 'puback', messageId: 7, reasonCode: 0 });
    expect(decode(hex('50 03 0007 00'), 5)).toStrictEqual({ cmd: 'pubrec', messageId: 7, reasonCode: 0 });
    expect(decode(hex('62 03 0007 92'), 5)).toStrictEqual({ cmd: 'pubrel', messageId: 7, reasonCode: 0x92 });
    expect(decode(hex('70 04 0007 92 00'), 5)).toStrictEqual({ cmd: 'pubcomp', messageId: 7, reasonCode: 0x92 });
  });

  clause('MQTT-3.4.2-1', 'acknowledgements have the reason codes of their tables', () => {
    const received = ['00', '10', '80', '83', '87', '90', '91', '97', '99'];
    const released = ['00', '92'];
    for (const [header, codes] of [
      ['40', received],
      ['50', received],
      ['62', released],
      ['70', released],
    ] as const) {
      expect(acceptedCodes((code) => `${header} 03 0007 ${code}`)).toEqual(codes);
    }
  });

  clause('MQTT-3.14.2-1', 'DISCONNECT has the reason codes of a client', () => {
    const codes = ['00', '04', '80', '81', '82', '83', '90', '93', '94', '95', '96', '97', '98', '99'];

    expect(acceptedCodes((code) => `e0 01 ${code}`)).toEqual(codes);
  });

  clause('MQTT-3.15.2-1', 'AUTH has the reason codes of a client', () => {
    expect(acceptedCodes((code) => `f0 06 ${code} 04 15 0001 6d`)).toEqual(['18', '19']);
  });

  test('reads the options of SUBSCRIBE', () => {
    expect(decode(hex('82 0d 0007 02 0b 07 0001 61 2d 0001 23 10'), 5)).toStrictEqual({
      cmd: 'subscribe',
      messageId: 7,
      subscriptions: [
        { topic: 'a', qos: 1, nl: true, rap: true, rh: 2 },
        { topic: '#', qos: 0, nl: false, rap: false, rh: 1 },
      ],
      properties: { subscriptionIdentifier: 7 },
    });
  });

  test('a shared subscription may have all options except No Local', () => {
    expect(decode(hex('82 0f 0007 00 0009 2473686172652f672f 29'), 5)).toMatchObject({
      subscriptions: [{ topic: '$share/g/', rap: true, rh: 2 }],
    });
  });

  test('reads UNSUBSCRIBE and PINGREQ', () => {
    expect(decode(hex('a2 09 0007 00 0001 61 0001 23'), 5)).toStrictEqual({
      cmd: 'unsubscribe',
      messageId: 7,
      unsubscriptions: ['a', '#'],
    });
    expect(decode(hex('c000'), 5)).toStrictEqual({ cmd: 'pingreq' });
  });

  test('DISCONNECT may omit Normal disconnection, or its properties', () => {
    expect(decode(hex('e000'), 5)).toStrictEqual({ cmd: 'disconnect', reasonCode: 0 });
    expect(decode(hex('e0 01 04'), 5)).toStrictEqual({ cmd: 'disconnect', reasonCode: 4 });
    expect(decode(hex('e0 02 04 00'), 5)).toStrictEqual({ cmd: 'disconnect', reasonCode: 4 });
  });

  test('reads AUTH', () => {
    expect(decode(hex('f0 0a 18 08 15 0001 6d 16 0001 64'), 5)).toStrictEqual({
      cmd: 'auth',
      reasonCode: 0x18,
      properties: { authenticationMethod: 'm', authenticationData: Buffer.from('d') },
    });
  });
});

/** Returns the reason codes, in hex, with which this packet of MQTT 5.0 is accepted. */
function acceptedCodes(packet: (code: string) => string): string[] {
  const codes = Array.from({ length: 256 }, (_, code) => code.toString(16).padStart(2, '0'));
  return codes.filter((code) => {
    const error = thrownBy(() => decode(hex(packet(code)), 5));
    if (error !== undefined) expect(error).toMatchObject({ reason: 0x82 });
    return error === undefined;
  });
}
