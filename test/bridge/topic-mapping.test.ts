import { describe, expect, it } from '@jest/globals';
import type { BridgeEntry } from '../../lambdas/bridge/bridge-config';
import { messageProblem } from '../../lambdas/bridge/iot-limits';
import { mapIncoming, mapOutgoing } from '../../lambdas/bridge/topic-mapping';

function entry(fields: Partial<BridgeEntry>): BridgeEntry {
  return { direction: 'both', filter: '#', localPrefix: '', remotePrefix: '', qos: 1, retain: false, ...fields };
}

const at = (topic: string, qos: 0 | 1 | 2 = 2, retain = true) => ({ topic, qos, retain });
const topicsOut = (entries: BridgeEntry[], topic: string) => mapOutgoing(entries, at(topic)).map((one) => one.topic);
const topicsIn = (entries: BridgeEntry[], topic: string, filter?: string) =>
  mapIncoming(entries, topic, filter).map((one) => one.topic);

describe('an outgoing message', () => {
  it.each([
    ['adds a prefix', { filter: 'a/#', remotePrefix: 'r/' }, 'a/b', ['r/a/b']],
    ['takes one away', { filter: '#', localPrefix: 'l/' }, 'l/a/b', ['a/b']],
    ['exchanges them', { filter: '+', localPrefix: 'l/', remotePrefix: 'r/' }, 'l/a', ['r/a']],
    ['keeps what does not match', { filter: '+', localPrefix: 'l/' }, 'l/a/b', []],
    ['keeps what only comes in', { direction: 'in' }, 'a', []],
    ['keeps the parent of a prefix, which has nothing to exchange', { filter: '#', localPrefix: 'l/' }, 'l', []],
    ['keeps what would have no topic there', { filter: '#', localPrefix: 'l/' }, 'l/', []],
    ['keeps the voice of the broker', { filter: '#' }, '$SYS/uptime', []],
  ] as const)('%s', (_name, fields, topic, expected) => {
    expect(topicsOut([entry(fields)], topic)).toEqual(expected);
  });

  it('has the lower QoS, and the RETAIN flag only if the entry and the message have it', () => {
    expect(mapOutgoing([entry({ qos: 0 })], at('a', 1))).toEqual([{ topic: 'a', qos: 0, retain: false }]);
    expect(mapOutgoing([entry({ retain: true })], at('a', 2))).toEqual([{ topic: 'a', qos: 1, retain: true }]);
    expect(mapOutgoing([entry({ retain: true })], at('a', 0, false))).toEqual([{ topic: 'a', qos: 0, retain: false }]);
  });

  it('is mapped once to each topic, by the first entry', () => {
    const entries = [entry({ qos: 0 }), entry({ filter: 'a' }), entry({ filter: 'a', remotePrefix: 'r/' })];

    expect(mapOutgoing(entries, at('a'))).toMatchObject([
      { topic: 'a', qos: 0 },
      { topic: 'r/a', qos: 1 },
    ]);
  });
});

describe('an incoming message', () => {
  it('gets the local prefix, and QoS and RETAIN flag of the entry', () => {
    const entries = [entry({ localPrefix: 'l/', remotePrefix: 'r/', retain: true, qos: 0 })];

    expect(mapIncoming(entries, 'r/a')).toEqual([{ topic: 'l/a', qos: 0, retain: true }]);
  });

  it('is mapped by the entries of its rule, so that two rules do not duplicate it', () => {
    const entries = [entry({ filter: 'a/#' }), entry({ filter: '+/b', localPrefix: 'x/' })];

    expect(topicsIn(entries, 'a/b', 'a/#')).toEqual(['a/b']);
    expect(topicsIn(entries, 'a/b', '+/b')).toEqual(['x/a/b']);
    expect(topicsIn(entries, 'a/b')).toEqual(['a/b', 'x/a/b']);
  });

  it('is not mapped to reserved topics of the broker', () => {
    expect(topicsIn([entry({ remotePrefix: 'r/' })], 'r/$SYS/uptime')).toEqual([]);
  });
});

describe('the limits of AWS IoT Core', () => {
  const message = (topic: string, bytes: number) => ({ ...at(topic), payload: Buffer.alloc(bytes) });

  it.each([
    ['a/b/c/d/e/f/g/h', 131_072, undefined],
    ['a/b/c/d/e/f/g/h/i', 0, 'the topic has 9 levels, but AWS IoT Core accepts 8'],
    ['é'.repeat(128), 0, undefined],
    ['é'.repeat(129), 0, 'the topic has 258 bytes, but AWS IoT Core accepts 256'],
    ['a', 131_073, 'the payload has 131073 bytes, but AWS IoT Core accepts 131072'],
  ])('are checked: %.10s with %i bytes', (topic, bytes, problem) => {
    expect(messageProblem(message(topic, bytes))).toBe(problem);
  });
});
