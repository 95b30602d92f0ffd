/*
 * Proved elsewhere:
 *   decode.test.ts, malformed.test.ts: [v3 MQTT-3.3.1-2], [v3 MQTT-3.3.1-4], [v3 MQTT-3.3.2-1], [v3 MQTT-3.3.2-2], [v3 MQTT-2.3.1-1]
 *   deliver.test.ts: [v3 MQTT-3.3.1-3], [v3 MQTT-3.3.1-9]
 *   topic-filter.test.ts: [v3 MQTT-3.3.2-3]
 * Not proved here, the duty of the shell: [v3 MQTT-3.3.1-1], [v3 MQTT-3.3.1-5] to [v3 MQTT-3.3.1-8], [v3 MQTT-3.3.1-10] to
 *   [v3 MQTT-3.3.1-12], [v3 MQTT-3.3.5-1].
 */
import { describe, expect, test } from '@jest/globals';
import { handlePublish } from '../../../lambdas/protocol/packets/publish';
import { clause } from '../../support/clause';
import { publish } from '../../support/packets';

const payload = Buffer.from('hello');

describe('PUBLISH', () => {
  clause('v3 MQTT-4.3.1-1', 'QoS 0 is accepted and not acknowledged', () => {
    expect(handlePublish(publish())).toEqual([
      { do: 'accept', message: { topic: 'a/b', payload, qos: 0, retain: false } },
    ]);
  });

  clause('v3 MQTT-4.3.2-2', 'QoS 1 is acknowledged after the broker owns the message', () => {
    expect(handlePublish(publish({ qos: 1, messageId: 7 }))).toEqual([
      { do: 'accept', message: { topic: 'a/b', payload, qos: 1, retain: false } },
      { do: 'send', packet: { cmd: 'puback', messageId: 7 } },
    ]);
  });

  clause('v3 MQTT-4.3.3-2', 'QoS 2 is held under its packet id and then received', () => {
    expect(handlePublish(publish({ qos: 2, messageId: 7 }))).toEqual([
      { do: 'hold', packetId: 7, message: { topic: 'a/b', payload, qos: 2, retain: false } },
      { do: 'send', packet: { cmd: 'pubrec', messageId: 7 } },
    ]);
  });

  clause('v3 MQTT-3.3.1-3', 'DUP changes nothing about the message', () => {
    const first = handlePublish(publish({ qos: 2, messageId: 7 }));

    expect(handlePublish(publish({ qos: 2, messageId: 7, dup: true }))).toEqual(first);
  });

  test('RETAIN stays with the message', () => {
    expect(handlePublish(publish({ retain: true }))).toMatchObject([{ message: { retain: true } }]);
  });

  clause('v3 MQTT-3.3.5-2', 'what clients may not publish to is acknowledged and dropped', () => {
    expect(handlePublish(publish({ topic: '$SYS/broker/uptime' }))).toEqual([]);
    expect(handlePublish(publish({ topic: '$share/g/a', qos: 1, messageId: 7 }))).toEqual([
      { do: 'send', packet: { cmd: 'puback', messageId: 7 } },
    ]);
    expect(handlePublish(publish({ topic: '$SYS/a', qos: 2, messageId: 7 }))).toEqual([
      { do: 'send', packet: { cmd: 'pubrec', messageId: 7 } },
    ]);
  });

  test('other topics with a leading $ are accepted', () => {
    expect(handlePublish(publish({ topic: '$aws/things/lamp' }))).toMatchObject([{ do: 'accept' }]);
  });
});
