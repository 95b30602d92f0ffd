/*
 * Proved elsewhere: [v3 MQTT-3.3.1-1] when to set DUP, [v3 MQTT-3.3.1-6] and [v3 MQTT-3.3.1-8] when to send retained messages: broker.
 */
import { describe, expect, test } from '@jest/globals';
import { encode } from '../../lambdas/protocol/codec/encode';
import type { Message } from '../../lambdas/protocol/effects';
import { maxIncomingPacketSize } from '../../lambdas/protocol/limits';
import {
  deliverySize,
  downgrade,
  isDeliverable,
  isExpired,
  type PublishOptions,
  toPublish,
} from '../../lambdas/protocol/outgoing-publish';
import { clause } from '../support/clause';

const now = 1_700_000_000_000;
const message = { topic: 'a/b', payload: Buffer.from('hello'), qos: 2, retain: true } as const;

/** Returns the PUBLISH of a message at QoS 0 with the current time. */
function published(what: Message, delivery: Partial<PublishOptions> = {}) {
  return toPublish(what, { qos: 0, dup: false, retain: false, now, ...delivery });
}

describe('toPublish', () => {
  clause(['MQTT-2.2.1-2', 'v3 MQTT-2.3.1-5'], 'QoS 0 goes out without a packet id', () => {
    expect(published(message)).toEqual({
      cmd: 'publish',
      topic: 'a/b',
      payload: Buffer.from('hello'),
      qos: 0,
      dup: false,
      retain: false,
    });
  });

  test('a QoS 1 message has its packet identifier', () => {
    expect(published(message, { qos: 1, packetId: 7 })).toMatchObject({ qos: 1, messageId: 7 });
  });

  clause(['MQTT-3.3.1-3', 'v3 MQTT-3.3.1-3'], 'DUP says whether this is a repetition', () => {
    expect(published(message, { qos: 1, packetId: 7, dup: true }).dup).toBe(true);
    expect(published(message, { qos: 1, packetId: 7, dup: false }).dup).toBe(false);
  });

  clause('v3 MQTT-3.3.1-9', 'RETAIN of the publisher does not reach an established subscription', () => {
    expect(published(message, { qos: 1, packetId: 7, retain: false }).retain).toBe(false);
  });

  test('a message without properties has none in PUBLISH', () => {
    expect(published({ ...message, publisher: 'kitchen' }, { identifiers: [] })).not.toHaveProperty('properties');
  });

  clause(
    ['MQTT-3.3.2-4', 'MQTT-3.3.2-15', 'MQTT-3.3.2-16', 'MQTT-3.3.2-17', 'MQTT-3.3.2-18', 'MQTT-3.3.2-20'],
    'what the publisher said about a message goes out as it is',
    () => {
      const properties = {
        payloadFormatIndicator: false,
        contentType: '',
        responseTopic: 'answers/here',
        correlationData: Buffer.alloc(0),
        userProperties: [
          ['b', '1'],
          ['a', '2'],
          ['b', '0'],
        ],
      } as const;

      expect(published({ ...message, properties }).properties).toEqual(properties);
    },
  );

  clause('MQTT-3.3.2-6', 'what goes out says how many seconds are left, begun ones included', () => {
    const left = (expiresAt: number) => published({ ...message, expiresAt }).properties?.messageExpiryInterval;

    expect(left(now + 60_000)).toBe(60);
    expect(left(now + 59_001)).toBe(60);
    expect(left(now + 59_000)).toBe(59);
    expect(left(now + 1)).toBe(1);
  });

  clause('MQTT-4.3.3-13', 'a message that has expired since it was sent first has no seconds left', () => {
    const packet = published({ ...message, expiresAt: now - 5000 }, { qos: 2, packetId: 7, dup: true });

    expect(packet.properties).toEqual({ messageExpiryInterval: 0 });
  });

  clause(['MQTT-3.3.4-3', 'MQTT-3.3.4-4'], 'the identifiers of all matching subscriptions go out in one copy', () => {
    expect(published(message, { identifiers: [7, 268_435_455] }).properties).toEqual({
      subscriptionIdentifiers: [7, 268_435_455],
    });
  });

  test('properties, expiry and Subscription Identifiers are sent together', () => {
    const packet = published(
      { ...message, expiresAt: now + 1000, properties: { contentType: 'text/plain' } },
      { identifiers: [1] },
    );

    expect(packet.properties).toEqual({
      contentType: 'text/plain',
      messageExpiryInterval: 1,
      subscriptionIdentifiers: [1],
    });
  });

  test('a client of MQTT 3.1.1 gets the same bytes with and without properties', () => {
    const told = published(
      { ...message, expiresAt: now + 1000, properties: { contentType: 'x' } },
      { identifiers: [1] },
    );

    expect(encode(told, 4)).toEqual(encode(published(message), 4));
  });
});

describe('isExpired', () => {
  clause('MQTT-3.3.2-5', 'a message lives until its expiry interval has passed, and not a millisecond longer', () => {
    expect(isExpired({ ...message, expiresAt: now + 1 }, now)).toBe(false);
    expect(isExpired({ ...message, expiresAt: now }, now)).toBe(true);
  });

  test('a message without an expiry interval never expires', () => {
    expect(isExpired(message, Number.MAX_SAFE_INTEGER)).toBe(false);
  });
});

describe('downgrade', () => {
  clause(['MQTT-3.8.4-8', 'v3 MQTT-3.8.4-6'], 'the lower of both wins', () => {
    expect(downgrade(0, 2)).toBe(0);
    expect(downgrade(1, 2)).toBe(1);
    expect(downgrade(2, 2)).toBe(2);
    expect(downgrade(2, 1)).toBe(1);
    expect(downgrade(2, 0)).toBe(0);
  });
});

describe('deliverySize', () => {
  const properties = {
    payloadFormatIndicator: true,
    contentType: 'text/plain',
    responseTopic: 'answers',
    correlationData: Buffer.from('id'),
    userProperties: [['', ''] as const, ['name', 'value'] as const],
  };

  test.each<[string, Message]>([
    ['a bare message', { ...message, qos: 0 }],
    ['a message with a packet id', message],
    ['a message that expires', { ...message, expiresAt: now + 1000 }],
    ['a message with every property', { ...message, properties }],
    ['a message whose remaining length has three bytes', { ...message, payload: Buffer.alloc(20_000) }],
  ])('is the size of the PUBLISH of MQTT 5.0: %s', (_name, what) => {
    const packet = published(what, { qos: what.qos, ...(what.qos > 0 && { packetId: 1 }) });

    expect(deliverySize(what)).toBe(encode(packet, 5).length);
  });
});

describe('isDeliverable', () => {
  const largest = 98_304;
  const identifiers = Array.from({ length: 200 }, (_, index) => 268_435_455 - index);

  test('reserves space for 200 Subscription Identifiers of any size', () => {
    const overhead = deliverySize({ ...message, payload: Buffer.alloc(90_000) }) - 90_000;
    const fitting = { ...message, payload: Buffer.alloc(largest - 1002 - overhead) };
    const packet = published(fitting, { qos: 2, packetId: 1, identifiers });

    expect(isDeliverable(fitting)).toBe(true);
    expect(encode(packet, 5).length).toBeLessThanOrEqual(largest);
    expect(isDeliverable({ ...fitting, payload: Buffer.alloc(fitting.payload.length + 1) })).toBe(false);
  });

  test.each([3, 4, 5] as const)(
    'holds for every packet that a client of protocol level %i may send with its topic',
    (version) => {
      const packet = {
        cmd: 'publish',
        topic: 'a',
        qos: 0,
        retain: false,
        dup: false,
        payload: Buffer.alloc(90_000),
      } as const;
      const overhead = encode(packet, version).length - 90_000;
      const payload = Buffer.alloc(maxIncomingPacketSize - overhead);

      expect(encode({ ...packet, payload }, version)).toHaveLength(maxIncomingPacketSize);
      expect(isDeliverable({ topic: 'a', qos: 0, retain: false, payload })).toBe(true);
    },
  );

  test.each([
    ['a payload of any bytes', { payload: Buffer.alloc(97_000) }, true],
    [
      'properties of letters',
      { properties: { contentType: 'x'.repeat(60_000), responseTopic: 'x'.repeat(36_000) } },
      true,
    ],
    ['properties that JSON escapes', { properties: { contentType: '\u0001'.repeat(30_000) } }, false],
    ['a topic that JSON escapes', { topic: '"'.repeat(60_000), payload: Buffer.alloc(37_000) }, false],
  ])('holds for what a queue takes as JSON: %s', (_name, fields, expected) => {
    expect(isDeliverable({ ...message, ...fields })).toBe(expected);
  });
});
