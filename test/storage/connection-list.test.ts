import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MonitoredConnection } from '../../lambdas/broker/model/connection';
import type { RequestedCheck } from '../../lambdas/broker/model/subscription';
import { DynamoConnectionList } from '../../lambdas/storage/connection-list';
import { DynamoConnectionStore } from '../../lambdas/storage/connection-store';
import { schemaVersions } from '../../lambdas/storage/schema-version';
import { DynamoShapeChecks } from '../../lambdas/storage/shape-checks';
import { record } from './support/connection-record';
import { Engine } from './support/engine';

describe('the connection list', () => {
  let engine: Engine;
  let store: DynamoConnectionStore;
  let roster: DynamoConnectionList;

  beforeAll(async () => {
    engine = await Engine.start();
    store = new DynamoConnectionStore(engine.client(), engine.table('connections'));
    roster = new DynamoConnectionList(engine.client(), engine.table('connections'));
  });

  afterAll(() => engine.stop());

  async function pages(): Promise<(MonitoredConnection | RequestedCheck)[][]> {
    const found = [];
    for await (const page of roster.all()) found.push(page);
    return found;
  }

  async function connections(): Promise<MonitoredConnection[]> {
    return (await pages()).flat().filter((entry): entry is MonitoredConnection => 'connectionId' in entry);
  }

  async function find(connectionId: string): Promise<MonitoredConnection | undefined> {
    return (await connections()).find((one) => one.connectionId === connectionId);
  }

  it('is empty without connections', async () => {
    expect((await pages()).flat()).toEqual([]);
  });

  it('has everything that decides when a connection is over', async () => {
    const identity = { kind: 'token', issuer: 'https://id.example', username: 'ann', expiresAt: 5_000 } as const;
    await store.create(record('open', { keepAlive: 540, lastSeen: 1_700_000_000_123, identity }));

    expect(await find('open')).toEqual({ connectionId: 'open', keepAlive: 540, lastSeen: 1_700_000_000_123, identity });
  });

  it('has those that have ended, with what is still to come', async () => {
    await store.create(record('ended'));
    await store.end(record('ended'), { willAt: 7_000, sessionEndsAt: 9_000 });

    expect(await find('ended')).toMatchObject({ ended: { willAt: 7_000, sessionEndsAt: 9_000 } });
  });

  it('does not have pending connections', async () => {
    await store.putPending({ connectionId: 'outside', lastNumber: 0, tail: Buffer.alloc(0), early: [] });

    expect(await find('outside')).toBeUndefined();
  });

  it('has a requested check of shapes, and when it was requested first', async () => {
    const request = async (now: number) =>
      new DynamoShapeChecks(engine.client(), engine.table('connections'), () => now).request(['L+']);
    await request(5_000);
    await request(6_000);

    expect((await pages()).flat()).toContainEqual({ shapesRequestedAt: 5_000 });
  });

  it('skips connections with a schema version that this release does not know', async () => {
    const v = { N: String(schemaVersions.connections.read + 1) };
    const Item = { connectionId: { S: 'newer' }, v };
    await engine.client().send(new PutItemCommand({ TableName: engine.table('connections'), Item }));
    await store.create(record('known'));

    expect(await find('newer')).toBeUndefined();
    expect(await find('known')).toBeDefined();
  });

  it('goes on where a page of 1 MB ends', async () => {
    const tail = Buffer.alloc(60_000, 'x');
    const connectionIds = Array.from({ length: 40 }, (_, index) => `many-${index}`);
    await Promise.all(connectionIds.map((connectionId) => store.create(record(connectionId, { tail }))));

    const found = await pages();
    expect(found.length).toBeGreaterThan(1);
    expect((await connections()).map(({ connectionId }) => connectionId)).toEqual(
      expect.arrayContaining(connectionIds),
    );
  });
});
