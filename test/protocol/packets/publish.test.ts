/*
 * Proved elsewhere:
 *   decode.test.ts, malformed.test.ts: [v3 MQTT-3.3.1-2], [v3 MQTT-3.3.1-4], [v3 MQTT-3.3.2-1], [v3 MQTT-3.3.2-2], [v3 MQTT-2.3.1-1]
 *   outgoing-publish.test.ts: [v3 MQTT-3.3.1-3], [v3 MQTT-3.3.1-9]
 *   topic-filter.test.ts: [v3 MQTT-3.3.2-3]
 * Not proved here, the duty of broker/: [v3 MQTT-3.3.1-1], [v3 MQTT-3.3.1-5] to [v3 MQTT-3.3.1-8], [v3 MQTT-3.3.1-10] to
 *   [v3 MQTT-3.3.1-12], [v3 MQTT-3.3.5-1].
 */
import { describe, expect, test } from '@jest/globals';
import type { Effect } from '../../../lambdas/protocol/effects';
import type { ProtocolVersion, PublishPacket, PublishProperties } from '../../../lambdas/protocol/packets';
import { handlePublish } from '../../../lambdas/protocol/packets/publish';
import { allowEverything, type PublishRequest } from '../../../lambdas/protocol/permissions';
import { clause } from '../../support/clause';
import { hex, publish } from '../../support/packets';
import { thrownBy } from '../../support/thrown-by';

const payload = Buffer.from('hello');
const now = 1_700_000_000_000;

function handled(packet: PublishPacket, version: ProtocolVersion = 4): Effect[] {
  return handlePublish(packet, { clientId: 'kitchen', version, sessionExpiry: 0, permissions: allowEverything }, now);
}

const published = { topic: 'a/b', payload, retain: false, publisher: 'kitchen' };

describe('PUBLISH', () => {
  clause(['MQTT-3.3.4-1', 'v3 MQTT-4.3.1-1'], 'QoS 0 is accepted and not acknowledged', () => {
    for (const version of [4, 5] as const) {
      expect(handled(publish(), version)).toEqual([{ do: 'accept', message: { ...published, qos: 0 } }]);
    }
  });

  clause(
    ['MQTT-3.3.4-1', 'MQTT-4.3.2-4', 'v3 MQTT-4.3.2-2'],
    'QoS 1 is acknowledged after the broker owns the message',
    () => {
      for (const version of [4, 5] as const) {
        expect(handled(publish({ qos: 1, messageId: 7 }), version)).toEqual([
          { do: 'accept', message: { ...published, qos: 1 } },
          { do: 'acknowledge', cmd: 'puback', packetId: 7, topic: 'a/b' },
        ]);
      }
    },
  );

  clause(
    ['MQTT-3.3.4-1', 'MQTT-4.3.3-8', 'v3 MQTT-4.3.3-2'],
    'QoS 2 is held under its packet id and then received',
    () => {
      for (const version of [4, 5] as const) {
        expect(handled(publish({ qos: 2, messageId: 7 }), version)).toEqual([
          { do: 'hold', packetId: 7, message: { ...published, qos: 2 } },
          { do: 'acknowledge', cmd: 'pubrec', packetId: 7, topic: 'a/b' },
        ]);
      }
    },
  );

  clause(['MQTT-3.3.1-3', 'v3 MQTT-3.3.1-3'], 'DUP changes nothing about the message', () => {
    const first = handled(publish({ qos: 2, messageId: 7 }));

    expect(handled(publish({ qos: 2, messageId: 7, dup: true }))).toEqual(first);
  });

  test('keeps the RETAIN flag', () => {
    expect(handled(publish({ retain: true }))).toMatchObject([{ message: { retain: true } }]);
  });

  clause('v3 MQTT-3.3.5-2', 'what clients may not publish to is acknowledged and dropped', () => {
    expect(handled(publish({ topic: '$SYS/broker/uptime' }))).toEqual([
      { do: 'deny', action: 'publish', topic: '$SYS/broker/uptime' },
    ]);
    expect(handled(publish({ topic: '$share/g/a', qos: 1, messageId: 7 }))).toEqual([
      { do: 'deny', action: 'publish', topic: '$share/g/a' },
      { do: 'send', packet: { cmd: 'puback', messageId: 7 } },
    ]);
    expect(handled(publish({ topic: '$SYS/a', qos: 2, messageId: 7 }))).toEqual([
      { do: 'deny', action: 'publish', topic: '$SYS/a' },
      { do: 'send', packet: { cmd: 'pubrec', messageId: 7 } },
    ]);
  });

  test('is refused by permissions for its topic, QoS and RETAIN flag', () => {
    const permissions = {
      ...allowEverything,
      mayPublish: ({ topic, qos, retain }: PublishRequest) => topic === 'a' && qos < 2 && !retain,
    };
    const did = (fields: Parameters<typeof publish>[0]) =>
      handlePublish(publish(fields), { clientId: 'kitchen', version: 4, sessionExpiry: 0, permissions }, now).map(
        (effect) => effect.do,
      );

    expect(did({ topic: 'a', qos: 1, messageId: 7 })).toEqual(['accept', 'acknowledge']);
    expect(did({ topic: 'b', qos: 1, messageId: 7 })).toEqual(['deny', 'send']);
    expect(did({ topic: 'a', qos: 2, messageId: 7 })).toEqual(['deny', 'send']);
    expect(did({ topic: 'a', retain: true })).toEqual(['deny']);
  });

  test('other topics with a leading $ are accepted', () => {
    expect(handled(publish({ topic: '$aws/things/lamp' }))).toMatchObject([{ do: 'accept' }]);
  });
});

describe('PUBLISH of MQTT 5.0', () => {
  function message(properties: PublishProperties) {
    const [effect] = handled(publish({ properties }), 5);
    return effect?.do === 'accept' ? effect.message : undefined;
  }

  test('is refused with Not authorized for a topic of the broker', () => {
    expect(handled(publish({ topic: '$SYS/broker/uptime' }), 5)).toEqual([
      { do: 'deny', action: 'publish', topic: '$SYS/broker/uptime' },
    ]);
    expect(handled(publish({ topic: '$share/g/a', qos: 1, messageId: 7 }), 5)).toEqual([
      { do: 'deny', action: 'publish', topic: '$share/g/a' },
      { do: 'send', packet: { cmd: 'puback', messageId: 7, reasonCode: 0x87 } },
    ]);
    expect(handled(publish({ topic: '$SYS/a', qos: 2, messageId: 7 }), 5)).toEqual([
      { do: 'deny', action: 'publish', topic: '$SYS/a' },
      { do: 'send', packet: { cmd: 'pubrec', messageId: 7, reasonCode: 0x87 } },
    ]);
  });

  test('with Payload Format Indicator 1 and a payload that is not UTF-8 is refused, and at QoS 0 ends the connection', () => {
    const broken = { payload: hex('c3'), properties: { payloadFormatIndicator: true } };

    expect(handled(publish({ ...broken, qos: 1, messageId: 7 }), 5)).toEqual([
      { do: 'send', packet: { cmd: 'puback', messageId: 7, reasonCode: 0x99 } },
    ]);
    expect(handled(publish({ ...broken, qos: 2, messageId: 7 }), 5)).toEqual([
      { do: 'send', packet: { cmd: 'pubrec', messageId: 7, reasonCode: 0x99 } },
    ]);
    expect(thrownBy(() => handled(publish(broken), 5))).toMatchObject({ reason: 0x99 });
  });

  test('may have any payload without Payload Format Indicator 1', () => {
    const bytes = { payload: hex('c3'), properties: { payloadFormatIndicator: false } };

    expect(handled(publish(bytes), 5)).toMatchObject([{ do: 'accept', message: { payload: hex('c3') } }]);
    expect(handled(publish({ payload: hex('c3') }), 5)).toMatchObject([{ do: 'accept' }]);
  });

  test('expires its Message Expiry Interval after its arrival, at once if that is 0', () => {
    expect(message({ messageExpiryInterval: 60 })).toEqual({ ...published, qos: 0, expiresAt: now + 60_000 });
    expect(message({ messageExpiryInterval: 0 })).toMatchObject({ expiresAt: now });
    expect(message({ messageExpiryInterval: 0xffff_ffff })).toMatchObject({ expiresAt: now + 4_294_967_295_000 });
    expect(message({})).not.toHaveProperty('expiresAt');
  });

  clause(
    ['MQTT-3.3.2-4', 'MQTT-3.3.2-15', 'MQTT-3.3.2-16', 'MQTT-3.3.2-17', 'MQTT-3.3.2-18', 'MQTT-3.3.2-20'],
    'its properties stay with the message, user properties in their order',
    () => {
      const properties = {
        payloadFormatIndicator: true,
        contentType: 'text/plain',
        responseTopic: 'answers/here',
        correlationData: hex('00ff'),
        userProperties: [
          ['b', '1'],
          ['a', '2'],
          ['b', '0'],
        ],
      } as const;

      expect(message(properties)?.properties).toEqual(properties);
      expect(handled(publish({ qos: 2, messageId: 7, properties }), 5)).toMatchObject([
        { do: 'hold', message: { properties } },
        { do: 'acknowledge' },
      ]);
    },
  );

  clause('MQTT-3.3.2-7', 'its topic alias stays behind', () => {
    expect(message({ topicAlias: 3 })).toEqual({ ...published, qos: 0 });
    expect(message({ topicAlias: 3, contentType: 'x' })?.properties).toEqual({ contentType: 'x' });
  });
});
