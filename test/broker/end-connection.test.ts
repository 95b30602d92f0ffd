import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionRecord } from '../../lambdas/broker/model/connection';
import type { QueueItem } from '../../lambdas/broker/model/queued-message';
import { noEvents } from '../../lambdas/broker/ports/events';
import { noMetrics } from '../../lambdas/broker/ports/metrics';
import type { Ports } from '../../lambdas/broker/ports/ports';
import { disconnectAbsent } from '../../lambdas/broker/session/admin-disconnect';
import { completeEnding, type EndingTurn } from '../../lambdas/broker/session/complete-ending';
import type { SessionDeleter } from '../../lambdas/broker/session/delete-session';
import { releaseSession } from '../../lambdas/broker/session/release-session';
import { DynamoConnectionStore } from '../../lambdas/storage/connection-store';
import { DynamoInflightStore } from '../../lambdas/storage/inflight-store';
import { DynamoSessionStore } from '../../lambdas/storage/session-store';
import { Engine } from '../storage/support/engine';
import { message } from '../storage/support/messages';
import { clause } from '../support/clause';

const now = 1_700_000_000_000;
const willAt = now + 600_000;
const [first, second] = ['000000000000001#a', '000000000000002#b'];

let engine: Engine;
let ports: Ports;

beforeAll(async () => {
  engine = await Engine.start();
  ports = {
    sessions: new DynamoSessionStore(engine.client(), engine.table('sessions')),
    connectionStore: new DynamoConnectionStore(engine.client(), engine.table('connections')),
    inflight: new DynamoInflightStore({
      db: engine.client(),
      dbWithoutRetries: engine.client(),
      table: engine.table('inflight'),
      now: () => now,
    }),
    now: () => now,
    events: noEvents,
    metrics: noMetrics,
  } as Partial<Ports> as Ports;
});

afterAll(() => engine.stop());

function claim(clientId: string, fence: string) {
  const connectionId = fence.slice(-1);
  return {
    clientId,
    connectionId,
    fence,
    cleanStart: false,
    persistent: true,
    version: 5,
    capabilities: {},
    identity: { kind: 'anonymous' },
  } as const;
}

/** A connection with a will that waits, whose socket is gone. */
async function lost(clientId: string): Promise<ConnectionRecord> {
  await ports.sessions.claimFresh(claim(clientId, first));
  await ports.sessions.putWill(clientId, 'a', { message: message('lost', 'x'), delay: 600 });
  const record: ConnectionRecord = {
    ...{
      connectionId: 'a',
      clientId,
      version: 5,
      sessionExpiry: 3600,
      capabilities: {},
      session: first,
      fence: first,
      identity: { kind: 'anonymous' } as const,
    },
    ...{
      keepAlive: 60,
      lastSeen: now,
      lastNumber: 3,
      tail: Buffer.alloc(0),
      early: [],
      hasWill: true,
      hasState: true,
      isCounted: false,
    },
    ...{ aliases: new Map(), outgoingAliases: new Map(), unreleased: new Set() },
  };
  await ports.connectionStore.create(record);
  return record;
}

describe('the end of a connection whose will waits', () => {
  const nothingToWipe = {} as SessionDeleter;

  clause('MQTT-3.1.3-9', 'keeps the will and tells when it is due while its client is away', async () => {
    const record = await lost('away');

    await releaseSession(ports, nothingToWipe, { connection: record, ending: { willAt } });

    expect(await ports.sessions.read('away')).toMatchObject({ willAt });
    expect(await ports.sessions.will('away', 'a')).toBeDefined();
    expect((await ports.connectionStore.read('a'))?.ended).toEqual({ willAt });
  });

  clause('MQTT-3.1.3-9', 'cancels it when its client was back before anybody could tell', async () => {
    const record = await lost('back');
    const seen = (await ports.sessions.read('back'))!;
    await ports.sessions.claimResume(claim('back', second), seen);

    await releaseSession(ports, nothingToWipe, { connection: record, ending: { willAt } });

    expect(await ports.sessions.will('back', 'a')).toBeUndefined();
    expect(await ports.connectionStore.read('a')).toBeUndefined();
    expect(await ports.sessions.read('back')).toMatchObject({ owner: 'b' });
  });
});

describe('the end of a connection that takes its session along', () => {
  function wiped(): { readonly deleter: SessionDeleter; readonly sessions: string[] } {
    const sessions: string[] = [];
    const deleteSession = async (_clientId: string, session: string) => {
      sessions.push(session);
      return 'deleted' as const;
    };
    return { deleter: { delete: deleteSession } as Partial<SessionDeleter> as SessionDeleter, sessions };
  }

  it('removes its rows when nobody can put more of them', async () => {
    const record = { ...(await lost('leaves')), sessionExpiry: 0 };
    const heads: unknown[] = [];
    const deleteSession = async () => {
      heads.push(await ports.sessions.read('leaves'));
      return 'deleted' as const;
    };

    await releaseSession(ports, { delete: deleteSession } as Partial<SessionDeleter> as SessionDeleter, {
      connection: record,
      ending: {},
    });

    expect(heads).toEqual([undefined]);
  });

  it('removes its rows once more when an earlier attempt has ended it', async () => {
    const record = { ...(await lost('interrupted')), sessionExpiry: 0 };
    await ports.sessions.end('interrupted', first);
    const { deleter, sessions } = wiped();

    await releaseSession(ports, deleter, { connection: record, ending: {} });

    expect(sessions).toEqual([first]);
  });

  clause('MQTT-3.1.2-5', 'leaves it to its client, who is back in it on another connection', async () => {
    const record = { ...(await lost('faster')), sessionExpiry: 0 };
    await ports.sessions.claimResume(claim('faster', second), (await ports.sessions.read('faster'))!);
    const { deleter, sessions } = wiped();

    await releaseSession(ports, deleter, { connection: record, ending: {} });

    expect(sessions).toEqual([]);
    expect(await ports.sessions.read('faster')).toMatchObject({ session: first, owner: 'b' });
  });
});

describe('the end of a session whose client is away', () => {
  const late: QueueItem = {
    ...{ session: first, number: 1, slot: 1, qos: 1, state: 'published', sentOn: '', sentBy: '' },
    messages: [{ packetId: 1, message: message('late', 'x'), retain: false }],
  };

  /** Somebody puts a message while the rows are being removed, and looks before the session has ended. */
  function turn(): EndingTurn {
    const deleteSession = async () => {
      await ports.inflight.put([late]);
      return 'deleted' as const;
    };
    const deleter = { delete: deleteSession } as Partial<SessionDeleter> as SessionDeleter;
    const dispatch = { sendMessages: async () => {} } as Partial<EndingTurn['dispatch']> as EndingTurn['dispatch'];
    return { deleter, dispatch, publisher: {} as EndingTurn['publisher'] };
  }

  async function left(): Promise<QueueItem[]> {
    const found: QueueItem[] = [];
    for await (const page of ports.inflight.unordered(first)) found.push(...page);
    return found;
  }

  async function away(clientId: string): Promise<ConnectionRecord> {
    const record = { ...(await lost(clientId)), hasWill: false };
    await ports.sessions.release(clientId, first, { sessionEndsAt: now - 1, leftAt: now });
    return record;
  }

  it('leaves nothing in its ring when its time is over', async () => {
    await completeEnding(ports, turn(), { ...(await away('expired')), ended: { sessionEndsAt: now - 1 } });

    expect(await ports.sessions.read('expired')).toBeUndefined();
    expect(await left()).toEqual([]);
  });

  it('leaves nothing in its ring when an earlier attempt died after it had ended the session', async () => {
    const record = await away('died');
    await ports.sessions.end('died', first);
    await ports.inflight.put([late]);
    await completeEnding(ports, turn(), { ...record, ended: { sessionEndsAt: now - 1 } });

    expect(await left()).toEqual([]);
  });

  it('leaves its ring to whoever has replaced it, who may still be handing over what came through shares', async () => {
    const record = await away('replaced');
    await ports.sessions.claimFresh(claim('replaced', second), (await ports.sessions.read('replaced'))!);
    await ports.inflight.put([late]);
    await completeEnding(ports, turn(), { ...record, ended: { sessionEndsAt: now - 1 } });

    expect(await left()).toEqual([late]);
    await ports.inflight.clear(first);
  });

  it('leaves nothing in its ring when a backend removes it', async () => {
    await away('removed');
    const request = { clientId: 'removed', fence: first, withWill: false, keepSession: false, isDiscarded: true };
    await disconnectAbsent(ports, turn(), request);

    expect(await ports.sessions.read('removed')).toBeUndefined();
    expect(await left()).toEqual([]);
  });
});
