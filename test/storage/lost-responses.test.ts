/**
 * Conflicts of two writers are tested in session-store.test.ts, inflight-store.test.ts and retained-store.test.ts.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { QueueItem } from '../../lambdas/broker/model/queued-message';
import { DynamoAccountDirectory } from '../../lambdas/storage/account-directory';
import { DynamoConnectionStore } from '../../lambdas/storage/connection-store';
import { DynamoDebugClients } from '../../lambdas/storage/debug-clients';
import { DynamoInflightStore } from '../../lambdas/storage/inflight-store';
import { DynamoRequestLedger } from '../../lambdas/storage/request-ledger';
import { DynamoRetainedStore } from '../../lambdas/storage/retained-store';
import { record } from './support/connection-record';
import { Engine, type Gate } from './support/engine';

/** Executes every call, loses its response, and sends it again. */
const losing: Gate = async (request) => {
  await request();
  return request();
};

describe('a store whose every response is lost once returns the same results', () => {
  let engine: Engine;
  let db: DynamoDBClient;

  beforeAll(async () => {
    engine = await Engine.start();
    db = engine.client(losing);
  });
  afterAll(() => engine.stop());

  it('of a held message that is adopted', async () => {
    const store = new DynamoInflightStore({ db, dbWithoutRetries: db, table: engine.table('inflight'), now: Date.now });
    const message = { topic: 'a', payload: Buffer.from('x'), qos: 2, retain: false } as const;
    const held = { packetId: 7, id: 'event.0', holder: 'one', message };
    await store.hold('adopted', [held]);

    expect(await store.adopt('adopted', held, 'two')).toBe('adopted');
  });

  it('of a message that is claimed', async () => {
    const store = new DynamoInflightStore({ db, dbWithoutRetries: db, table: engine.table('inflight'), now: Date.now });
    const message = { topic: 'a', payload: Buffer.from('x'), qos: 2, retain: false } as const;
    const messages = [{ packetId: 7, message, retain: false }];
    const rest = { qos: 2, state: 'published', sentOn: '', sentBy: '' } as const;
    const item: QueueItem = { session: 'claimed', slot: 7, number: 7, id: 'event.0', messages, ...rest };
    await store.put([item]);

    expect(await store.claim(item, 'fence', 'event.1')).toBe('claimed');
  });

  it('of a commit from a frame number', async () => {
    const store = new DynamoConnectionStore(db, engine.table('connections'));
    await store.create(record('committed', { lastNumber: 4 }));

    expect(await store.commitFrom(record('committed', { lastNumber: 5, lastSeen: 1 }), 4)).toBe('committed');
    expect(await store.commitFrom(record('committed', { lastNumber: 5, lastSeen: 2 }), 4)).toBe('stale');
  });

  it('of a request with an idempotency key', async () => {
    let now = 1_000_000;
    const ledger = new DynamoRequestLedger(db, engine.table('inflight'), () => now);

    expect(await ledger.begin('request', 'f')).toBe('begun');
    expect(await ledger.begin('request', 'f')).toBe('running');
    now += 30_001;
    expect(await ledger.begin('request', 'f')).toBe('resumed');
    expect(await ledger.begin('request', 'f')).toBe('running');
  });

  it('of a retained write, which is not before itself', async () => {
    const store = new DynamoRetainedStore(db, engine.table('retained'));

    expect((await store.begin('status')).before).toBeUndefined();
  });

  it('of an account', async () => {
    const directory = new DynamoAccountDirectory(db, engine.table('accounts'));
    const account = { username: 'ann', passwordHash: '$scrypt$ln=15$salt$hash', rules: [] };

    expect(await directory.create(account)).toBe('created');
    expect(await directory.create({ ...account, passwordHash: '$scrypt$ln=15$another$hash' })).toBe('exists');
    expect(await directory.replace(account)).toBe('replaced');
    expect(await directory.remove('ann')).toBe('removed');
    expect(await directory.remove('ann')).toBe('absent');
  });

  it('of a client whose packets are logged', async () => {
    const list = new DynamoDebugClients(db, engine.table('accounts'));
    await list.add('kitchen', Date.now() + 60_000);

    expect(await list.remove('kitchen')).toBe('removed');
    expect(await list.remove('kitchen')).toBe('absent');
  });
});
