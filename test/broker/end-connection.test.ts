import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionRecord } from '../../lambdas/broker/model/connection';
import type { RingItem } from '../../lambdas/broker/model/queued-message';
import { noEvents } from '../../lambdas/broker/ports/events';
import { noMetrics } from '../../lambdas/broker/ports/metrics';
import type { Ports } from '../../lambdas/broker/ports/ports';
import { dismissAbsent } from '../../lambdas/broker/session/admin-disconnect';
import type { SessionWiper } from '../../lambdas/broker/session/delete-session';
import { type EndingTurn, endConnection, settleEnding } from '../../lambdas/broker/session/session-end';
import { DynamoConnectionStore } from '../../lambdas/storage/connections';
import { DynamoInflightStore } from '../../lambdas/storage/inflight';
import { DynamoSessionStore } from '../../lambdas/storage/sessions';
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
    inflight: new DynamoInflightStore(engine.client(), engine.client(), engine.table('inflight'), () => now),
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
      hasSeat: false,
    },
    ...{ aliases: new Map(), outgoingAliases: new Map(), unreleased: new Set() },
  };
  await ports.connectionStore.create(record);
  return record;
}

describe('the end of a connection whose will waits', () => {
  const nothingToWipe = {} as SessionWiper;

  clause('MQTT-3.1.3-9', 'keeps the will and tells when it is due while its client is away', async () => {
    const record = await lost('away');

    await endConnection(ports, nothingToWipe, record, { willAt });

    expect(await ports.sessions.head('away')).toMatchObject({ willAt });
    expect(await ports.sessions.will('away', 'a')).toBeDefined();
    expect((await ports.connectionStore.read('a'))?.ended).toEqual({ willAt });
  });

  clause('MQTT-3.1.3-9', 'cancels it when its client was back before anybody could tell', async () => {
    const record = await lost('back');
    const seen = (await ports.sessions.head('back'))!;
    await ports.sessions.claimResume(claim('back', second), seen);

    await endConnection(ports, nothingToWipe, record, { willAt });

    expect(await ports.sessions.will('back', 'a')).toBeUndefined();
    expect(await ports.connectionStore.read('a')).toBeUndefined();
    expect(await ports.sessions.head('back')).toMatchObject({ owner: 'b' });
  });
});

describe('the end of a connection that takes its session along', () => {
  function wiped(): { readonly wiper: SessionWiper; readonly sessions: string[] } {
    const sessions: string[] = [];
    const wipe = async (_clientId: string, session: string) => {
      sessions.push(session);
      return 'wiped' as const;
    };
    return { wiper: { wipe } as Partial<SessionWiper> as SessionWiper, sessions };
  }

  it('removes its rows when nobody can put more of them', async () => {
    const record = { ...(await lost('leaves')), sessionExpiry: 0 };
    const heads: unknown[] = [];
    const wipe = async () => {
      heads.push(await ports.sessions.head('leaves'));
      return 'wiped' as const;
    };

    await endConnection(ports, { wipe } as Partial<SessionWiper> as SessionWiper, record, {});

    expect(heads).toEqual([undefined]);
  });

  it('removes its rows once more when an earlier attempt has ended it', async () => {
    const record = { ...(await lost('interrupted')), sessionExpiry: 0 };
    await ports.sessions.end('interrupted', first);
    const { wiper, sessions } = wiped();

    await endConnection(ports, wiper, record, {});

    expect(sessions).toEqual([first]);
  });

  clause('MQTT-3.1.2-5', 'leaves it to its client, who is back in it on another connection', async () => {
    const record = { ...(await lost('faster')), sessionExpiry: 0 };
    await ports.sessions.claimResume(claim('faster', second), (await ports.sessions.head('faster'))!);
    const { wiper, sessions } = wiped();

    await endConnection(ports, wiper, record, {});

    expect(sessions).toEqual([]);
    expect(await ports.sessions.head('faster')).toMatchObject({ session: first, owner: 'b' });
  });
});

describe('the end of a session whose client is away', () => {
  const late: RingItem = {
    ...{ session: first, number: 1, slot: 1, qos: 1, state: 'published', sentOn: '', sentBy: '' },
    messages: [{ packetId: 1, message: message('late', 'x'), retain: false }],
  };

  /** Somebody puts a message while the rows are being removed, and looks before the session has ended. */
  function turn(): EndingTurn {
    const wipe = async () => {
      await ports.inflight.put([late]);
      return 'wiped' as const;
    };
    const wiper = { wipe } as Partial<SessionWiper> as SessionWiper;
    const dispatch = { sendMessages: async () => {} } as Partial<EndingTurn['dispatch']> as EndingTurn['dispatch'];
    return { wiper, dispatch, publisher: {} as EndingTurn['publisher'] };
  }

  async function left(): Promise<RingItem[]> {
    const found: RingItem[] = [];
    for await (const page of ports.inflight.everything(first)) found.push(...page);
    return found;
  }

  async function away(clientId: string): Promise<ConnectionRecord> {
    const record = { ...(await lost(clientId)), hasWill: false };
    await ports.sessions.disown(clientId, first, { sessionEndsAt: now - 1 }, { at: now });
    return record;
  }

  it('leaves nothing in its ring when its time is over', async () => {
    await settleEnding(ports, turn(), await away('expired'), { sessionEndsAt: now - 1 });

    expect(await ports.sessions.head('expired')).toBeUndefined();
    expect(await left()).toEqual([]);
  });

  it('leaves nothing in its ring when an earlier attempt died after it had ended the session', async () => {
    const record = await away('died');
    await ports.sessions.end('died', first);
    await ports.inflight.put([late]);
    await settleEnding(ports, turn(), record, { sessionEndsAt: now - 1 });

    expect(await left()).toEqual([]);
  });

  it('leaves its ring to whoever has replaced it, who may still be handing over what came through shares', async () => {
    const record = await away('replaced');
    await ports.sessions.claimFresh(claim('replaced', second), (await ports.sessions.head('replaced'))!);
    await ports.inflight.put([late]);
    await settleEnding(ports, turn(), record, { sessionEndsAt: now - 1 });

    expect(await left()).toEqual([late]);
    await ports.inflight.clear(first);
  });

  it('leaves nothing in its ring when a backend removes it', async () => {
    await away('removed');
    const wish = { clientId: 'removed', fence: first, withWill: false, keepSession: false };
    await dismissAbsent(ports, turn(), wish, true);

    expect(await ports.sessions.head('removed')).toBeUndefined();
    expect(await left()).toEqual([]);
  });
});
