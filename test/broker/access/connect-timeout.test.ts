/*
 * Proved elsewhere: who says nothing is closed in time, and leaves nothing: tokens.test.ts, scram.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { closeUnlessConnected } from '../../../lambdas/broker/expiry/sweep';
import type { ConnectionRecord, PendingConnection } from '../../../lambdas/broker/model/connection';
import type { ConnectionStore } from '../../../lambdas/broker/ports/connection-store';
import { DynamoConnectionStore } from '../../../lambdas/storage/connection-store';
import { Engine } from '../../storage/support/engine';

const identity = { kind: 'token', username: 'device', issuer: 'https://issuer.example' } as const;

function pending(connectionId: string): PendingConnection {
  return { connectionId, lastNumber: 0, tail: Buffer.alloc(0), early: [], proved: identity };
}

function opened(connectionId: string): ConnectionRecord {
  return {
    connectionId,
    identity,
    clientId: 'a',
    version: 5,
    sessionExpiry: 0,
    session: '1#a',
    fence: '1#a',
    capabilities: {},
    keepAlive: 60,
    lastSeen: 1,
    lastNumber: 1,
    tail: Buffer.alloc(0),
    early: [],
    hasWill: true,
    isCounted: false,
    hasState: false,
    aliases: new Map(),
    outgoingAliases: new Map(),
    unreleased: new Set(),
  };
}

describe('the end of the time to connect', () => {
  let engine: Engine;
  let store: ConnectionStore;
  const closed: string[] = [];

  beforeAll(async () => {
    engine = await Engine.start();
    store = new DynamoConnectionStore(engine.client(), engine.table('connections'));
  });

  afterAll(() => engine.stop());

  function end(connectionId: string, connectionStore: ConnectionStore): Promise<void> {
    const close = async (id: string) => {
      closed.push(id);
      return 'closed' as const;
    };
    return closeUnlessConnected(
      { connectionStore, connections: { close, post: close as never, postWithRetries: close as never }, log: () => {} },
      connectionId,
    );
  }

  it('is said in the log when it closes a connection, and not when the client has left by then', async () => {
    const logged: string[] = [];
    const endAs = (outcome: 'closed' | 'gone') =>
      closeUnlessConnected(
        {
          connectionStore: store,
          connections: { close: async () => outcome, post: undefined as never, postWithRetries: undefined as never },
          log: (event) => logged.push(event),
        },
        'unknown',
      );
    await endAs('gone');
    expect(logged).toEqual([]);
    await endAs('closed');

    expect(logged).toEqual(['connect timeout']);
  });

  it('leaves alone a client that is in', async () => {
    await store.putPending(pending('in'));
    await store.create(opened('in'));
    await end('in', store);

    expect(closed).not.toContain('in');
    expect(await store.read('in')).toBeDefined();
  });

  it('keeps the record of a client that comes in at that moment', async () => {
    await store.putPending(pending('last-moment'));
    const racing: ConnectionStore = Object.create(store, {
      load: {
        value: async (connectionId: string) => {
          const found = await store.load(connectionId);
          await store.create(opened(connectionId));
          return found;
        },
      },
    });
    await end('last-moment', racing);

    expect(await store.read('last-moment')).toBeDefined();
  });
});
