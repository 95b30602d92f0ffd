import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Ending } from '../../lambdas/broker/model/connection';
import type { ConnectionStore } from '../../lambdas/broker/ports/connection-store';
import type { ClientCapabilities } from '../../lambdas/protocol/effects';
import { DynamoConnectionStore } from '../../lambdas/storage/connection-store';
import { record } from './support/connection-record';
import { Engine } from './support/engine';
import { everyByte, longest } from './support/messages';

const early = {
  number: 7,
  bytes: everyByte,
  eventId: 'event-7',
  receivedAt: 1_700_000_000_456,
  connectedAt: 1_700_000_000_000,
};

describe('connections', () => {
  let engine: Engine;
  let store: ConnectionStore;

  beforeAll(async () => {
    engine = await Engine.start();
    store = new DynamoConnectionStore(engine.client(), engine.table('connections'));
  });

  afterAll(() => engine.stop());

  it('are not written anew where a turn changed nothing, because what is kept of frames may be large', async () => {
    const kept = { tail: everyByte, early: [early] };
    const before = record('kept', kept);
    await store.create(before);
    await store.commit({ ...before, tail: Buffer.from('other'), early: [] }, before);

    await store.commit(record('kept', { ...kept, tail: Buffer.from(everyByte), lastNumber: 2 }), before);

    expect(await store.read('kept')).toMatchObject({ tail: Buffer.from('other'), early: [], lastNumber: 2 });
  });

  it('come back as they were created', async () => {
    const plain = record('plain');
    const full = record('full', {
      clientId: longest('client-', '!'),
      version: 5,
      sessionExpiry: 0xffff_ffff,
      capabilities: {
        receiveMaximum: 1,
        maximumPacketSize: 0xffff_ffff,
        topicAliasMaximum: 65_535,
        noProblemInformation: true,
      },
      aliases: new Map([
        [1, 'a/b'],
        [16, longest('a', 'b')],
      ]),
      unreleased: new Set(Array.from({ length: 1024 }, (_, index) => 64 * index)),
      debt: 5,
      subscribed: { all: 3, shared: 1 },
      tail: everyByte,
      early: [early, { ...early, number: 8 }],
      hasWill: true,
      hasState: true,
      lastNumber: 5,
    });

    await Promise.all([store.create(plain), store.create(full)]);

    expect(await store.read('plain')).toEqual(plain);
    expect(await store.read('full')).toEqual(full);
    expect(await store.read('nobody')).toBeUndefined();
  });

  it.each<ClientCapabilities>([
    {},
    { receiveMaximum: 65_535 },
    { maximumPacketSize: 1 },
    { topicAliasMaximum: 0 },
    { noProblemInformation: true },
  ])('say what their client can take: %p', async (capabilities) => {
    const connectionId = `can-${JSON.stringify(capabilities)}`;
    await store.create(record(connectionId, { capabilities }));

    expect(await store.read(connectionId)).toEqual(record(connectionId, { capabilities }));
  });

  it('keep topic aliases and the count of unreleased messages from turn to turn', async () => {
    const before = record('aliases');
    await store.create(before);

    const outgoingAliases = new Map([[longest('a', 'b'), 2]]);
    const during = {
      ...before,
      lastNumber: 1,
      aliases: new Map([[3, 'a/b']]),
      outgoingAliases,
      unreleased: new Set([2, 65_535]),
    };
    await store.commit(during, before);
    expect(await store.read('aliases')).toEqual(during);

    const later = { ...during, lastNumber: 2 };
    await store.commit(later, during);
    expect(await store.read('aliases')).toEqual(later);

    const after = {
      ...later,
      lastNumber: 3,
      aliases: new Map([[3, 'c']]),
      outgoingAliases: new Map(),
      unreleased: new Set<number>(),
    };
    await store.commit(after, later);
    expect(await store.read('aliases')).toEqual(after);
  });

  it('keep them when they move on from an expected number', async () => {
    const before = record('kept', { aliases: new Map([[1, 'a']]), unreleased: new Set([7]) });
    await store.create(before);

    await store.commitFrom({ ...before, lastNumber: 1 }, 0);

    expect(await store.read('kept')).toEqual({ ...before, lastNumber: 1 });
  });

  it('keep the tail and the early frames of a turn, and drop them with a later one', async () => {
    const before = record('tails');
    await store.create(before);

    const during = { ...before, lastNumber: 3, lastSeen: 1_700_000_001_000, tail: everyByte, early: [early] };
    await store.commit(during, before);
    expect(await store.read('tails')).toEqual(during);

    const after = { ...during, lastNumber: 8, tail: Buffer.alloc(0), early: [] };
    await store.commit(after, during);
    expect(await store.read('tails')).toEqual(after);
  });

  it('never take back that the session has rows', async () => {
    await store.create(record('stateful'));
    await store.commit(record('stateful', { hasState: true }), record('stateful'));

    await store.commitFrom(record('stateful', { lastNumber: 1, hasState: false }), 0);

    expect(await store.read('stateful')).toMatchObject({ lastNumber: 1, hasState: true });
  });

  it('stay ended when another update comes later', async () => {
    await store.create(record('ended'));
    await store.remove('ended');
    await store.remove('ended');

    expect(await store.commitFrom(record('ended'), 0)).toBe('stale');
    await expect(store.commit(record('ended'), record('ended'))).rejects.toThrow();
    expect(await store.read('ended')).toBeUndefined();
  });

  describe('that are superseded', () => {
    it('say since when', async () => {
      await store.create(record('superseded', { lastNumber: 3, unreleased: new Set([2, 65_535]) }));

      expect(await store.markSuperseded('superseded', 1000)).toMatchObject({
        supersededAt: 1000,
        unreleased: new Set([2, 65_535]),
      });
      expect(await store.markSuperseded('superseded', 2000)).toMatchObject({ supersededAt: 1000 });

      expect(await store.read('superseded')).toMatchObject({ supersededAt: 1000, lastNumber: 3 });
    });

    it('go on until they are taken over, which needs the time of their last turn', async () => {
      await store.create(record('goes on', { lastNumber: 3 }));
      await store.markSuperseded('goes on', 1000);

      expect(await store.renewSuperseded('goes on', 2000)).toBe('goes on');
      expect(await store.markTakenOver('goes on', 1000)).toBe('changed');
      expect(await store.markTakenOver('goes on', 2000)).toBe('taken over');
      expect(await store.markTakenOver('goes on', 2000)).toBe('taken over');
      expect(await store.renewSuperseded('goes on', 3000)).toBe('taken over');
      expect(await store.read('goes on')).toMatchObject({ supersededAt: 2000, isTakenOver: true });
      expect(await store.commitFrom(record('goes on', { lastNumber: 4 }), 3)).toBe('stale');
    });

    it('are only those that are open', async () => {
      await store.putPending({ connectionId: 'pending', lastNumber: 0, tail: Buffer.alloc(0), early: [] });
      await store.end(record('has ended'), { willAt: 1 });

      for (const id of ['pending', 'has ended', 'nobody']) expect(await store.markSuperseded(id, 1000)).toBeUndefined();
      expect(await store.load('nobody')).toEqual({});
    });
  });

  it('that wait for another connection keep their CONNECT and what came behind it', async () => {
    const takeover = {
      ...{ connect: everyByte, data: Buffer.from('proof'), connectedAt: 1, address: '127.0.0.1', since: 2, lostAt: 3 },
      identity: { kind: 'user', username: 'ann' } as const,
    };
    const pending = { connectionId: 'waits', lastNumber: 1, tail: Buffer.from('rest'), early: [early], takeover };
    await store.putPending(pending);

    expect(await store.load('waits')).toEqual({ pending });
  });

  describe('that have ended', () => {
    const full = {
      version: 5 as const,
      sessionExpiry: 60,
      capabilities: { receiveMaximum: 7 },
      hasWill: true,
      hasState: true,
      tail: everyByte,
      early: [early],
      aliases: new Map([[1, 'a']]),
      unreleased: new Set([3]),
    };
    const left = { tail: Buffer.alloc(0), early: [], aliases: new Map() };

    it.each<[string, Ending]>([
      ['a will', { willAt: 1_700_000_005_123 }],
      ['the end of a session', { sessionEndsAt: 1_700_000_060_456 }],
      ['both', { willAt: 1_700_000_005_123, sessionEndsAt: 1_700_000_060_456 }],
    ])('wait for %s, without what only a connection needs', async (what, ending) => {
      const before = record(`waits for ${what}`, full);
      await store.create(before);
      await store.commit({ ...before, outgoingAliases: new Map([['a', 1]]) }, before);

      await store.end(before, ending);
      await store.end(before, ending);

      expect(await store.read(`waits for ${what}`)).toEqual(
        record(`waits for ${what}`, { ...full, ...left, ended: ending }),
      );
    });

    it('wait for what is left', async () => {
      await store.create(record('left', full));
      await store.end(record('left', full), { willAt: 1_700_000_005_123, sessionEndsAt: 1_700_000_060_456 });

      await store.end(record('left', full), { sessionEndsAt: 1_700_000_060_456 });

      expect(await store.read('left')).toMatchObject({ ended: { sessionEndsAt: 1_700_000_060_456 } });
      expect((await store.read('left'))?.ended).not.toHaveProperty('willAt');
    });

    it('are not deleted before what is still to come, years later', async () => {
      const years = 1_700_000_000_000 + 10 * 365 * 24 * 3_600_000;
      await store.create(record('years', full));
      await store.end(record('years', full), { willAt: 1_700_000_005_123, sessionEndsAt: years });

      const Key = { connectionId: { S: 'years' } };
      const { Item } = await engine
        .client()
        .send(new GetItemCommand({ TableName: engine.table('connections'), Key, ConsistentRead: true }));
      expect(Number(Item?.expiresAt?.N)).toBeGreaterThan(years / 1000);
    });

    it('are kept although they were never stored before', async () => {
      await store.end(record('new', full), { willAt: 1 });

      expect(await store.read('new')).toEqual(record('new', { ...full, ...left, ended: { willAt: 1 } }));
    });

    it('take no further frame, not even the first numbered one', async () => {
      await store.end(record('over'), { willAt: 1 });

      expect(await store.commitFrom(record('over', { lastNumber: 1 }), 0)).toBe('stale');
    });
  });
});
