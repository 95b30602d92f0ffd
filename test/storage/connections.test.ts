import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionRecord, ConnectionStore } from '../../lambdas/broker/ports';
import { DynamoConnectionStore } from '../../lambdas/storage/connections';
import { Engine } from './support/engine';
import { everyByte, longest } from './support/messages';

function record(connectionId: string, fields: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    connectionId,
    clientId: 'kitchen',
    version: 4,
    clean: true,
    session: '000001#a',
    fence: '000001#a',
    keepAlive: 60,
    lastSeen: 1_700_000_000_123,
    lastNumber: 0,
    tail: Buffer.alloc(0),
    early: [],
    hasWill: false,
    hasState: false,
    deadline: '000002#a',
    ...fields,
  };
}

const early = { number: 7, bytes: everyByte, eventId: 'event-7', receivedAt: 1_700_000_000_456 };

describe('connections', () => {
  let engine: Engine;
  let store: ConnectionStore;

  beforeAll(async () => {
    engine = await Engine.start();
    store = new DynamoConnectionStore(engine.client(), engine.table('connections'));
  });

  afterAll(() => engine.stop());

  it('come back as they were created', async () => {
    const plain = record('plain');
    const full = record('full', {
      clientId: longest('client-', '!'),
      clean: false,
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

  it('leave the deadline to the timer', async () => {
    await store.create(record('timed'));
    await store.moveDeadline('timed', '000002#a', '000009#a');

    await store.commit(record('timed', { lastNumber: 1 }), record('timed'));

    expect(await store.read('timed')).toMatchObject({ lastNumber: 1, deadline: '000009#a' });
  });

  it('move on only from the number that was expected', async () => {
    await store.create(record('quick', { lastNumber: 4 }));

    expect(await store.commitFrom(record('quick', { lastNumber: 6 }), 4)).toBe('committed');
    expect(await store.commitFrom(record('quick', { lastNumber: 7 }), 4)).toBe('stale');
    expect(await store.read('quick')).toMatchObject({ lastNumber: 6 });
  });

  it('let one of two that move on from the same number win', async () => {
    await store.create(record('twice', { lastNumber: 4 }));

    const results = await Promise.all([
      store.commitFrom(record('twice', { lastNumber: 5 }), 4),
      store.commitFrom(record('twice', { lastNumber: 5 }), 4),
    ]);

    expect(results.sort()).toEqual(['committed', 'stale']);
  });

  it.each([
    ['a tail', { tail: Buffer.from('x') }],
    ['early frames', { early: [early] }],
  ])('do not move on past %s that somebody else left', async (what, left) => {
    await store.create(record(what, left));

    expect(await store.commitFrom(record(what, { lastNumber: 1 }), 0)).toBe('stale');
    expect(await store.read(what)).toEqual(record(what, left));
  });

  it('never take back that the session has rows', async () => {
    await store.create(record('stateful'));
    await store.commit(record('stateful', { hasState: true }), record('stateful'));

    await store.commitFrom(record('stateful', { lastNumber: 1, hasState: false }), 0);

    expect(await store.read('stateful')).toMatchObject({ lastNumber: 1, hasState: true });
  });

  it('move their deadline only from the one that was seen', async () => {
    await store.create(record('moved'));

    expect(await store.moveDeadline('moved', '000002#a', '000003#a')).toBe('moved');
    expect(await store.moveDeadline('moved', '000002#a', '000004#a')).toBe('stale');
    expect(await store.read('moved')).toMatchObject({ deadline: '000003#a' });
  });

  it('stay ended, whoever comes late', async () => {
    await store.create(record('ended'));
    await store.remove('ended');
    await store.remove('ended');

    expect(await store.commitFrom(record('ended'), 0)).toBe('stale');
    expect(await store.moveDeadline('ended', '000002#a', '000003#a')).toBe('stale');
    await expect(store.commit(record('ended'), record('ended'))).rejects.toThrow();
    expect(await store.read('ended')).toBeUndefined();
  });
});
