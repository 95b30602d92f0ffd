/*
 * Proved elsewhere:
 *   malformed.test.ts: [v3 MQTT-3.8.1-1], [v3 MQTT-3.8.3-1], [v3 MQTT-3.8.3-3], [v3 MQTT-3.8.3-4]
 *   outgoing-publish.test.ts: [v3 MQTT-3.8.4-6]
 *   topic-filter.test.ts: [v3 MQTT-4.7.1-2], [v3 MQTT-4.7.1-3], [v3 MQTT-4.7.2-1], [v3 MQTT-4.7.3-1] to [v3 MQTT-4.7.3-4]
 * Not proved here, the duty of broker/: [v3 MQTT-3.8.4-1] to [v3 MQTT-3.8.4-3], [v3 MQTT-3.9.3-1].
 */
import { describe, expect, it, test } from '@jest/globals';
import type { Effect } from '../../../lambdas/protocol/effects';
import type { SubscribeProperties, Subscription } from '../../../lambdas/protocol/packets';
import { handleSubscribe } from '../../../lambdas/protocol/packets/subscribe';
import { allowEverything } from '../../../lambdas/protocol/permissions';
import { clause } from '../../support/clause';
import { thrownBy } from '../../support/thrown-by';

const limits = { maxWildcards: 3, maxLevels: 20, refusedFilters: ['secret/#'] };

function subscribe(...subscriptions: Subscription[]): Effect[] {
  return handleSubscribe(
    { cmd: 'subscribe', messageId: 7, subscriptions },
    { version: 4, permissions: allowEverything },
    limits,
  );
}

/** Builds a decoded subscription of MQTT 5.0, without options by default. */
function option(topic: string, fields: Partial<Subscription> = {}): Subscription {
  return { topic, qos: 1, nl: false, rap: false, rh: 0, ...fields };
}

/** Returns the result of each subscription in MQTT 5.0. */
function requests5(subscriptions: readonly Subscription[], properties?: SubscribeProperties) {
  const packet = { cmd: 'subscribe', messageId: 7, subscriptions, ...(properties && { properties }) } as const;
  const [effect] = handleSubscribe(packet, { version: 5, permissions: allowEverything }, limits);
  return effect?.do === 'subscribe' ? effect.requests : [];
}

describe('SUBSCRIBE', () => {
  it('refuses a filter that does not fit into a queue message', () => {
    const [short, long] = ['x'.repeat(60_000), `${'é'.repeat(16_000)}/#`];

    expect(requests5([option(short), option(long)])).toMatchObject([{ filter: short }, { refused: 0x97 }]);
  });

  clause('v3 MQTT-3.8.4-4', 'asks for all its filters at once, in their order', () => {
    expect(subscribe({ topic: 'a/b', qos: 2 }, { topic: '#', qos: 0 }, { topic: 'a/b', qos: 1 })).toEqual([
      {
        do: 'subscribe',
        packetId: 7,
        requests: [
          { name: 'a/b', filter: 'a/b', qos: 2 },
          { name: '#', filter: '#', qos: 0 },
          { name: 'a/b', filter: 'a/b', qos: 1 },
        ],
      },
    ]);
  });

  clause('v3 MQTT-4.8.0-1', 'a malformed filter ends the connection, whatever came before it', () => {
    const error = thrownBy(() => subscribe({ topic: 'a', qos: 0 }, { topic: 'a/#/b', qos: 0 }));

    expect(error).toMatchObject({ reason: 0x81, message: expect.stringContaining('"a/#/b"') });
  });

  clause('v3 MQTT-4.7.3-1', 'an empty filter ends the connection', () => {
    expect(thrownBy(() => subscribe({ topic: '', qos: 0 }))).toMatchObject({ reason: 0x81 });
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
    expect(requests[999]).toEqual({ name: 'a/999', filter: 'a/999', qos: 1 });
    expect(requests[1000]).toEqual({ refused: 0x80 });
  });

  clause('v3 MQTT-3.8.4-5', 'a filter with too many wildcards is refused in its place', () => {
    expect(subscribe({ topic: '+/+/+/+', qos: 1 }, { topic: '+/+/#', qos: 1 })).toMatchObject([
      { requests: [{ refused: 0x80 }, { filter: '+/+/#', qos: 1 }] },
    ]);
  });

  test('any number of wildcards is allowed without a limit', () => {
    const topic = `${'+/'.repeat(1000)}#`;
    const packet = { cmd: 'subscribe', messageId: 7, subscriptions: [option(topic)] } as const;
    const free = { ...limits, maxWildcards: 0, maxLevels: 1024 };

    expect(handleSubscribe(packet, { version: 4, permissions: allowEverything }, free)).toMatchObject([
      { requests: [{ filter: topic }] },
    ]);
  });

  test('a shared subscription is requested as in MQTT 5.0, and refused in its place if its name is invalid', () => {
    const names = ['$share/group', '$share//a', '$share/g/', '$share/+/a', '$share/#', '$share/g/$share/h/a'];
    const wanted = ['$share/group/a', ...names].map((topic) => ({ topic, qos: 1 as const }));
    const granted = { name: '$share/group/a', filter: 'a', share: 'group', qos: 1 };

    expect(subscribe(...wanted)).toEqual([
      { do: 'subscribe', packetId: 7, requests: [granted, ...names.map(() => ({ refused: 0x80 }))] },
    ]);
  });

  test('filters with a leading $ are allowed', () => {
    expect(subscribe({ topic: '$SYS/#', qos: 0 })).toMatchObject([{ requests: [{ filter: '$SYS/#', qos: 0 }] }]);
  });
});

describe('SUBSCRIBE of MQTT 5.0', () => {
  clause('MQTT-3.8.4-5', 'asks for all its filters at once, in their order', () => {
    expect(requests5([option('a/b', { qos: 2 }), option('#', { qos: 0 })])).toEqual([
      { name: 'a/b', filter: 'a/b', qos: 2 },
      { name: '#', filter: '#', qos: 0 },
    ]);
  });

  test('passes the options of each filter on', () => {
    expect(
      requests5([
        option('a', { nl: true }),
        option('b', { rap: true }),
        option('c', { rh: 1 }),
        option('d', { rh: 2 }),
        option('e', { nl: true, rap: true, rh: 2, qos: 2 }),
      ]),
    ).toEqual([
      { name: 'a', filter: 'a', qos: 1, noLocal: true },
      { name: 'b', filter: 'b', qos: 1, retainAsPublished: true },
      { name: 'c', filter: 'c', qos: 1, retainHandling: 1 },
      { name: 'd', filter: 'd', qos: 1, retainHandling: 2 },
      { name: 'e', filter: 'e', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
    ]);
  });

  test('gives its Subscription Identifier to each filter', () => {
    expect(requests5([option('a'), option('$share/g/b')], { subscriptionIdentifier: 268_435_455 })).toEqual([
      { name: 'a', filter: 'a', qos: 1, identifier: 268_435_455 },
      { name: '$share/g/b', filter: 'b', share: 'g', qos: 1, identifier: 268_435_455 },
    ]);
  });

  clause(
    ['MQTT-3.8.4-6', 'MQTT-3.8.4-7', 'MQTT-3.9.3-1', 'MQTT-3.9.3-2'],
    'each refusal says why, in its place',
    () => {
      const requests = requests5([option('secret/a'), option('+/+/+/+'), option('a'), option('$share/g/$share/h/a')]);

      expect(requests).toEqual([
        { refused: 0x80 },
        { refused: 0x97 },
        { name: 'a', filter: 'a', qos: 1 },
        { refused: 0x8f },
      ]);
    },
  );

  test('the 1,001st filter of one packet is refused with Quota exceeded', () => {
    const requests = requests5(Array.from({ length: 1001 }, (_, index) => option(`a/${index}`)));

    expect(requests).toHaveLength(1001);
    expect(requests[999]).toEqual({ name: 'a/999', filter: 'a/999', qos: 1 });
    expect(requests[1000]).toEqual({ refused: 0x97 });
  });

  test('limits apply to the filter without its share', () => {
    expect(requests5([option('$share/secret/a'), option('$share/g/secret/a'), option('$share/g/+/+/+/+')])).toEqual([
      { name: '$share/secret/a', filter: 'a', share: 'secret', qos: 1 },
      { refused: 0x80 },
      { refused: 0x97 },
    ]);
  });

  clause(['MQTT-4.8.2-1', 'MQTT-4.8.2-2'], 'a malformed shared subscription ends the connection', () => {
    for (const topic of ['$share//a', '$share/g', '$share/g/', '$share/+/a', '$share/g/a#']) {
      expect(thrownBy(() => requests5([option('a'), option(topic)]))).toMatchObject({ reason: 0x81 });
    }
  });
});
