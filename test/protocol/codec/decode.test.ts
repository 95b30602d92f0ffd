/*
 * What must be refused: malformed.test.ts.
 * Proved elsewhere: [v3 MQTT-3.1.2-24] the deadlines; [v3 MQTT-2.3.1-2] to [v3 MQTT-2.3.1-4] the outgoing ring in storage.
 * Not decided by the specification: a remaining length with more bytes than it needs is read [v3 section 2.2.3]; MQTT 5.0 forbids it.
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

  test('an empty user name and an empty password are there', () => {
    expect(decode(hex('10 11 0004 4d515454 04 c2 003c 0001 61 0000 0000'), undefined)).toMatchObject({
      username: '',
      password: Buffer.alloc(0),
    });
  });

  test('reads a second CONNECT, so that its handler can refuse it', () => {
    expect(decode(hex('10 0c 0004 4d515454 04 02 003c 0000'), 4)).toMatchObject({ cmd: 'connect' });
  });

  test('does not let a bridge leave its mark on other connections', () => {
    decode(hex('10 0d 0004 4d515454 84 02 003c 0001 61'), 4);

    expect(decode(hex('82 06 0001 0001 61 01'), 4)).toHaveProperty('subscriptions', [{ topic: 'a', qos: 1 }]);
  });

  test('reads a CONNECT whose length takes two bytes', () => {
    const bytes = Buffer.concat([hex('10 d401 0004 4d515454 04 02 003c 00c8'), Buffer.alloc(200, 0x61)]);

    expect(decode(bytes, undefined)).toMatchObject({ clientId: 'a'.repeat(200) });
  });

  clause('v3 MQTT-3.1.2-2', 'an unknown level is told apart from other mistakes', () => {
    const error = thrownBy(() => decode(hex('10 0e 0004 4d515454 05 02 003c 00 0001 61'), undefined));

    expect(error).toMatchObject({ reason: 0x84, message: 'protocol level 5 of MQTT is not supported' });
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

  test('leaves an empty filter to the handler of SUBSCRIBE', () => {
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

  test('leaves the bytes it reads as they are', () => {
    const bytes = hex('6a 02 0001');
    decode(bytes, 3);

    expect(bytes).toEqual(hex('6a 02 0001'));
  });

  clause('v3 MQTT-1.5.3-1', 'a sender may mean U+FFFD in a packet whose length takes two bytes', () => {
    const bytes = Buffer.concat([hex('30 cd01 0003 efbfbd'), Buffer.alloc(200, 0xff)]);

    expect(decode(bytes, 4)).toMatchObject({ topic: '\ufffd' });
  });

  clause('v3 MQTT-1.5.3-3', 'U+FEFF stays where it is', () => {
    expect(decode(hex('30 06 0004 efbbbf61'), 4)).toMatchObject({ topic: '\ufeffa' });
  });

  test('characters beyond the basic plane and unassigned ones are well-formed', () => {
    expect(decode(hex('30 06 0004 f09f92a1'), 4)).toMatchObject({ topic: '\u{1f4a1}' });
    expect(decode(hex('30 05 0003 efbfbf'), 4)).toMatchObject({ topic: '\uffff' });
  });

  test('reads a well-formed packet after a malformed one', () => {
    thrownBy(() => decode(hex('82 06 0001 0001 61 03'), 4));

    expect(decode(hex('82 06 0001 0001 61 02'), 4)).toMatchObject({ subscriptions: [{ topic: 'a', qos: 2 }] });
  });

  test('refuses more and less than one packet', () => {
    expect(thrownBy(() => decode(hex('c000 c000'), 4))).toMatchObject({ reason: 0x81 });
    expect(thrownBy(() => decode(hex('40 02 00'), 4))).toMatchObject({ reason: 0x81 });
    expect(thrownBy(() => decode(Buffer.alloc(0), 4))).toMatchObject({ reason: 0x81 });
  });

  test('never names payloads or passwords in an error', () => {
    const connect = hex('10 13 0004 4d515454 04 42 003c 0001 61 0004 73657372');

    expect(String(thrownBy(() => decode(connect, undefined)))).not.toContain('sesr');
  });
});
