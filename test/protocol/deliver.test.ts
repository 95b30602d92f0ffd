/*
 * Proved elsewhere: [v3 MQTT-3.3.1-1] when to set DUP, [v3 MQTT-3.3.1-6] and [v3 MQTT-3.3.1-8] when to send retained messages: broker.
 */
import { describe, expect, test } from '@jest/globals';
import { downgrade, toPublish } from '../../lambdas/protocol/deliver';
import { clause } from '../support/clause';

const message = { topic: 'a/b', payload: Buffer.from('hello'), qos: 2, retain: true } as const;

describe('toPublish', () => {
  clause('v3 MQTT-2.3.1-5', 'QoS 0 goes out without a packet id', () => {
    expect(toPublish(message, { qos: 0, dup: false, retain: false })).toEqual({
      cmd: 'publish',
      topic: 'a/b',
      payload: Buffer.from('hello'),
      qos: 0,
      dup: false,
      retain: false,
    });
  });

  test('QoS 1 goes out under its packet id', () => {
    const packet = toPublish(message, { qos: 1, packetId: 7, dup: false, retain: false });

    expect(packet).toMatchObject({ qos: 1, messageId: 7 });
  });

  clause('v3 MQTT-3.3.1-3', 'DUP says whether this is a repetition', () => {
    expect(toPublish(message, { qos: 1, packetId: 7, dup: true, retain: false }).dup).toBe(true);
  });

  clause('v3 MQTT-3.3.1-9', 'RETAIN of the publisher does not reach an established subscription', () => {
    expect(toPublish(message, { qos: 1, packetId: 7, dup: false, retain: false }).retain).toBe(false);
  });
});

describe('downgrade', () => {
  clause('v3 MQTT-3.8.4-6', 'the lower of both wins', () => {
    expect(downgrade(0, 2)).toBe(0);
    expect(downgrade(1, 2)).toBe(1);
    expect(downgrade(2, 2)).toBe(2);
    expect(downgrade(2, 1)).toBe(1);
    expect(downgrade(2, 0)).toBe(0);
  });
});
