/*
 * Proved elsewhere:
 *   malformed.test.ts: [v3 MQTT-3.8.1-1], [v3 MQTT-3.8.3-1], [v3 MQTT-3.8.3-3], [v3 MQTT-3.8.3-4]
 *   deliver.test.ts: [v3 MQTT-3.8.4-6]
 *   topic-filter.test.ts: [v3 MQTT-4.7.1-2], [v3 MQTT-4.7.1-3], [v3 MQTT-4.7.2-1], [v3 MQTT-4.7.3-1] to [v3 MQTT-4.7.3-4]
 * Not proved here, the duty of the shell: [v3 MQTT-3.8.4-1] to [v3 MQTT-3.8.4-3], [v3 MQTT-3.9.3-1].
 */
import { describe, expect, test } from '@jest/globals';
import type { Effect } from '../../../lambdas/protocol/effects';
import type { Subscription } from '../../../lambdas/protocol/packets';
import { handleSubscribe } from '../../../lambdas/protocol/packets/subscribe';
import { clause } from '../../support/clause';
import { thrownBy } from '../../support/thrown-by';

function subscribe(...subscriptions: Subscription[]): Effect[] {
  return handleSubscribe(
    { cmd: 'subscribe', messageId: 7, subscriptions },
    { maxWildcards: 3, refusedFilters: ['secret/#'] },
  );
}

describe('SUBSCRIBE', () => {
  clause('v3 MQTT-3.8.4-4', 'asks for all its filters at once, in their order', () => {
    expect(subscribe({ topic: 'a/b', qos: 2 }, { topic: '#', qos: 0 }, { topic: 'a/b', qos: 1 })).toEqual([
      {
        do: 'subscribe',
        packetId: 7,
        requests: [
          { filter: 'a/b', qos: 2 },
          { filter: '#', qos: 0 },
          { filter: 'a/b', qos: 1 },
        ],
      },
    ]);
  });

  clause('v3 MQTT-4.8.0-1', 'a malformed filter ends the connection, whatever came before it', () => {
    const error = thrownBy(() => subscribe({ topic: 'a', qos: 0 }, { topic: 'a/#/b', qos: 0 }));

    expect(error).toMatchObject({ reason: 0x8f, message: '"a/#/b" is not a topic filter' });
  });

  clause('v3 MQTT-4.7.3-1', 'an empty filter ends the connection', () => {
    expect(thrownBy(() => subscribe({ topic: '', qos: 0 }))).toMatchObject({ reason: 0x8f });
  });

  clause(
    'v3 MQTT-3.8.4-5',
    'a filter that the operator refuses, and what it covers, are refused in their place',
    () => {
      const effects = subscribe({ topic: 'secret', qos: 1 }, { topic: 'secret/+/x', qos: 1 }, { topic: '+/x', qos: 1 });

      expect(effects).toMatchObject([{ requests: [{ refused: 0x80 }, { refused: 0x80 }, { filter: '+/x', qos: 1 }] }]);
    },
  );

  clause('v3 MQTT-3.8.4-5', 'the 1,001st filter of one packet is refused in its place, those before it are not', () => {
    const filters = Array.from({ length: 1001 }, (_, index) => ({ topic: `a/${index}`, qos: 1 as const }));

    const [effect] = subscribe(...filters);

    const requests = effect?.do === 'subscribe' ? effect.requests : [];
    expect(requests).toHaveLength(1001);
    expect(requests[999]).toEqual({ filter: 'a/999', qos: 1 });
    expect(requests[1000]).toEqual({ filter: 'a/1000', refused: 0x80 });
  });

  clause('v3 MQTT-3.8.4-5', 'a filter with too many wildcards is refused in its place', () => {
    expect(subscribe({ topic: '+/+/+/+', qos: 1 }, { topic: '+/+/#', qos: 1 })).toMatchObject([
      {
        requests: [
          { filter: '+/+/+/+', refused: 0x80 },
          { filter: '+/+/#', qos: 1 },
        ],
      },
    ]);
  });

  test('a shared subscription is refused, because MQTT 3.1.1 knows none', () => {
    expect(subscribe({ topic: '$share/group/a', qos: 1 })).toMatchObject([
      { requests: [{ filter: '$share/group/a', refused: 0x80 }] },
    ]);
  });

  test('filters with a leading $ are allowed', () => {
    expect(subscribe({ topic: '$SYS/#', qos: 0 })).toMatchObject([{ requests: [{ filter: '$SYS/#', qos: 0 }] }]);
  });
});
