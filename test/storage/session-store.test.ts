import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SessionClaim, SessionItem } from '../../lambdas/broker/model/session';
import type { SessionStore } from '../../lambdas/broker/ports/session-store';
import type { Will } from '../../lambdas/protocol/effects';
import { DynamoLookup } from '../../lambdas/storage/lookup';
import { DynamoSessionStore } from '../../lambdas/storage/session-store';
import { DynamoTopicIndex } from '../../lambdas/storage/topic-index';
import { itExhaustive } from '../support/exhaustive';
import { Engine, type Gate } from './support/engine';
import { everyInterleaving } from './support/interleaving';
import { emptyMessage, everyByte, fullMessage, longest, message } from './support/messages';

const [first, second, third] = ['000000000000001#a', '000000000000002#b', '000000000000003#c'];

/** The claim of the connection with this fence. */
function claim(clientId: string, fence: string, fields: Partial<SessionClaim> = {}): SessionClaim {
  return {
    clientId,
    connectionId: fence.slice(-1),
    fence,
    cleanStart: false,
    persistent: true,
    version: 4,
    capabilities: {},
    identity: { kind: 'anonymous' },
    ...fields,
  };
}

let engine: Engine;
let sessions: SessionStore;

beforeAll(async () => {
  engine = await Engine.start();
  sessions = store();
});

afterAll(() => engine.stop());

function store(gate?: Gate): SessionStore {
  return new DynamoSessionStore(engine.client(gate), engine.table('sessions'));
}

/** Begins a session of this connection in place of any existing one. */
async function begun(clientId: string, fence = first, fields: Partial<SessionClaim> = {}): Promise<SessionItem> {
  await sessions.claimFresh(claim(clientId, fence, fields), (await sessions.read(clientId)) ?? 'none');
  return (await sessions.read(clientId))!;
}

describe('a fresh session', () => {
  it('begins where nothing was', async () => {
    expect(await sessions.read('begins')).toBeUndefined();

    expect(await sessions.claimFresh(claim('begins', first))).toEqual({});

    const sessionItem = await sessions.read('begins');
    expect(sessionItem).toMatchObject({
      clientId: 'begins',
      session: first,
      fence: first,
      owner: 'a',
      persistent: true,
    });
    expect(sessionItem).toMatchObject({ outSeq: 0, wakeRequests: 0, wakeHandled: 0, connackSentOn: first });
    expect(sessionItem).not.toHaveProperty('deleting');
  });

  it('replaces an older one, returns its item, and names it until it is deleted', async () => {
    await begun('replaces');
    await sessions.reserve('replaces', first, 3);
    await sessions.requestWake('replaces', 'a');
    await sessions.release('replaces', first);
    const old = await sessions.read('replaces');

    expect(await sessions.claimFresh(claim('replaces', second, { persistent: false }))).toEqual({ old });

    expect(await sessions.read('replaces')).toMatchObject({
      session: second,
      owner: 'b',
      persistent: false,
      outSeq: 0,
      wakeRequests: 0,
      deleting: first,
    });
    await sessions.markDeleted('replaces', second);
    expect(await sessions.read('replaces')).toMatchObject({ deleting: first });
    await sessions.markDeleted('replaces', first);
    expect(await sessions.read('replaces')).not.toHaveProperty('deleting');
  });

  it('is refused to an older connection, and to the same one again, by the fence in the item', async () => {
    const newest = await begun('late', second);

    expect(await sessions.claimFresh(claim('late', first))).toBe('refused');
    expect(await sessions.claimFresh(claim('late', second))).toBe('refused');

    expect(await sessions.read('late')).toEqual(newest);
  });

  it('is refused while another connection owns the session, and while a will of its last owner waits', async () => {
    const owned = await begun('owned');
    expect(await sessions.claimFresh(claim('owned', second))).toBe('refused');
    expect(await sessions.read('owned')).toEqual(owned);

    await sessions.release('owned', first, { willAt: 1000 });
    expect(await sessions.claimFresh(claim('owned', second))).toBe('refused');
    await sessions.clearWillDeadline('owned', second);
    expect(await sessions.claimFresh(claim('owned', second))).toBe('refused');
    await sessions.clearWillDeadline('owned', first);
    expect(await sessions.claimFresh(claim('owned', second))).toMatchObject({ old: { session: first } });
  });

  itExhaustive(
    'goes to the newer of two connections that find it without an owner, or first to the older one',
    async () => {
      const outcomes = new Set();
      await everyInterleaving(async (race, round) => {
        const clientId = `newer-${round}`;
        await race(
          (gate) => store(gate).claimFresh(claim(clientId, first)),
          (gate) => store(gate).claimFresh(claim(clientId, second)),
        );
        outcomes.add((await sessions.read(clientId))?.session);
      });

      expect(outcomes).toEqual(new Set([first, second]));
    },
  );

  it('begins over none only once', async () => {
    const results = await Promise.all([
      sessions.claimFresh(claim('none', first), 'none'),
      sessions.claimFresh(claim('none', second), 'none'),
    ]);

    expect(results).toContainEqual({});
    expect(results).toContain('changed');
  });

  it('replaces exactly the session item that was read', async () => {
    const seen = await begun('seen');

    expect(await sessions.claimFresh(claim('seen', second), seen)).toEqual({ old: seen });
    expect(await sessions.claimFresh(claim('seen', third), seen)).toBe('changed');
    await sessions.markDeleted('seen', first);
    await sessions.end('seen', second);
    expect(await sessions.claimFresh(claim('seen', third), seen)).toBe('changed');
    expect(await sessions.read('seen')).toBeUndefined();
  });
});

describe('a connection that waits for another to end', () => {
  it('is registered in the session item, and returned when the owner leaves', async () => {
    const seen = await begun('waits');

    expect(await sessions.awaitEnd(claim('waits', second, { cleanStart: true }), seen)).toBe('registered');

    const successor = { fence: second, cleanStart: true };
    expect(await sessions.read('waits')).toEqual({ ...seen, successor });
    expect(await sessions.release('waits', first)).toMatchObject({ successor });
    expect(await sessions.release('waits', first)).toBe('changed');
  });

  it('is returned when the session ends', async () => {
    await sessions.awaitEnd(claim('ended', second), await begun('ended'));

    expect(await sessions.end('ended', first)).toMatchObject({ successor: { fence: second, cleanStart: false } });
    expect(await sessions.end('ended', first)).toBe('changed');
  });

  it('gives way to a newer one, and only to one that has seen it', async () => {
    const seen = await begun('gives way');
    await sessions.awaitEnd(claim('gives way', second), seen);

    expect(await sessions.awaitEnd(claim('gives way', third), seen)).toBe('changed');
    const again = (await sessions.read('gives way')) as SessionItem;
    expect(await sessions.awaitEnd(claim('gives way', third), again)).toBe('registered');
    expect((await sessions.read('gives way'))?.successor?.fence).toBe(third);
  });

  it('is not registered when the owner has left, or another one has come', async () => {
    const seen = await begun('left before');
    await sessions.release('left before', first);

    expect(await sessions.awaitEnd(claim('left before', second), seen)).toBe('changed');
    expect(await sessions.awaitEnd(claim('nobody', second), seen)).toBe('changed');
  });

  it('comes before an older one, and is forgotten when it claims', async () => {
    await sessions.awaitEnd(claim('order', third), await begun('order'));
    await sessions.release('order', first);
    const seen = (await sessions.read('order')) as SessionItem;

    expect(await sessions.claimFresh(claim('order', second))).toBe('refused');
    expect(await sessions.claimFresh(claim('order', second), seen)).toBe('changed');
    expect(await sessions.claimResume(claim('order', second), seen)).toBe('changed');
    const claimed = await sessions.claimResume(claim('order', third), seen);
    expect(claimed).toMatchObject({ owner: 'c' });
    expect(claimed).not.toHaveProperty('successor');
  });
});

describe('a session that is forsaken', () => {
  it('is not persistent any more, and stays with its owner', async () => {
    const seen = await begun('discarded');

    expect(await sessions.discard('discarded', first)).toBe('discarded');

    expect(await sessions.read('discarded')).toEqual({ ...seen, persistent: false });
  });

  it('is left alone when another connection has it, or when it is gone', async () => {
    const seen = await begun('kept', second);

    expect(await sessions.discard('kept', first)).toBe('changed');
    expect(await sessions.discard('never was', first)).toBe('changed');
    expect(await sessions.read('kept')).toEqual(seen);
  });
});

describe('a session whose client is away', () => {
  it('stores the time of the last release until there is a new owner', async () => {
    await begun('left');
    await sessions.release('left', first, { leftAt: 1234 });
    const seen = (await sessions.read('left'))!;

    expect(seen.leftAt).toBe(1234);
    await sessions.claimResume(claim('left', second), seen);
    expect((await sessions.read('left'))?.leftAt).toBeUndefined();
  });
});

describe('a session item that names an older session to delete', () => {
  it('neither goes nor is replaced before that is done: nothing else names the rows', async () => {
    await begun('names older', first);
    await begun('names older', second);
    await sessions.release('names older', second);
    const seen = (await sessions.read('names older'))!;

    expect(seen.deleting).toBe(first);
    expect(await sessions.end('names older', second)).toBe('changed');
    expect(await sessions.claimFresh(claim('names older', third))).toBe('refused');
    expect(await sessions.claimFresh(claim('names older', third), seen)).toBe('changed');
    await sessions.markDeleted('names older', first);
    expect(await sessions.claimFresh(claim('names older', third), seen)).toMatchObject({ old: { session: second } });
  });
});

describe('a session that is resumed', () => {
  it('keeps its identity and numbers, has the new owner, and something to send', async () => {
    await begun('resumed');
    await sessions.reserve('resumed', first, 3);
    await sessions.release('resumed', first);
    const seen = (await sessions.read('resumed'))!;

    const resumed = await sessions.claimResume(claim('resumed', second), seen);

    expect(resumed).toEqual({ ...seen, owner: 'b', fence: second, wakeRequests: seen.wakeRequests + 1 });
    expect(resumed).toMatchObject({ session: first, outSeq: 3, connackSentOn: first });
    expect(await sessions.read('resumed')).toEqual(resumed);
  });

  it('still names the session to delete', async () => {
    await begun('names');
    const seen = await begun('names', second);

    expect(await sessions.claimResume(claim('names', third), seen)).toMatchObject({ session: second, deleting: first });
  });

  it('succeeds for one of several that read the same item', async () => {
    const seen = await begun('several');

    const results = await Promise.all([
      sessions.claimResume(claim('several', second), seen),
      sessions.claimResume(claim('several', third), seen),
      sessions.claimFresh(claim('several', third), seen),
    ]);

    expect(results.filter((result) => result === 'changed')).toHaveLength(2);
  });

  it('is not resumed when it has been replaced or has ended', async () => {
    const seen = await begun('gone');
    await begun('gone', second);
    expect(await sessions.claimResume(claim('gone', third), seen)).toBe('changed');

    await sessions.markDeleted('gone', first);
    await sessions.end('gone', second);
    expect(await sessions.claimResume(claim('gone', third), seen)).toBe('changed');
    expect(await sessions.read('gone')).toBeUndefined();
  });
});

describe('the properties of the owner in the session item', () => {
  const narrow = {
    version: 5 as const,
    capabilities: {
      receiveMaximum: 7,
      maximumPacketSize: 200,
      topicAliasMaximum: 3,
      noProblemInformation: true,
    },
  };
  const wide = { version: 5 as const, capabilities: { topicAliasMaximum: 0 } };

  it('is its version and what it can take', async () => {
    expect(await begun('narrow', first, narrow)).toMatchObject({ ...narrow, acknowledgedUpTo: 0 });
    expect((await begun('wide', first, wide)).capabilities).toEqual({ topicAliasMaximum: 0 });
    expect(await begun('old')).toMatchObject({ version: 4, capabilities: {} });
  });

  it.each([
    ['with other limits', wide],
    ['without limits', { version: 4 as const, capabilities: {} }],
  ])('is not that of its former owner when it begins anew, %s', async (how, owner) => {
    await sessions.markWakeHandled({ ...(await begun(`fresh ${how}`, first, narrow)), wakeRequests: 1 }, 1, 12);

    const sessionItem = await begun(`fresh ${how}`, second, owner);

    expect(sessionItem.version).toBe(owner.version);
    expect(sessionItem.capabilities).toEqual(owner.capabilities);
    expect(sessionItem.acknowledgedUpTo).toBe(0);
  });

  it.each([
    ['with other limits', wide],
    ['without limits', { version: 4 as const, capabilities: {} }],
  ])('is not that of its former owner when it is resumed, %s', async (how, owner) => {
    const clientId = `resumed ${how}`;
    const seen = await begun(clientId, first, narrow);
    await sessions.markWakeHandled(seen, 1, 12);

    const sessionItem = await sessions.claimResume(claim(clientId, second, owner), seen);

    expect(sessionItem).toEqual(await sessions.read(clientId));
    expect(sessionItem).toMatchObject({ session: first, version: owner.version, acknowledgedUpTo: 0 });
    expect((await sessions.read(clientId))?.capabilities).toEqual(owner.capabilities);
  });

  it('is limits where its former owner had none', async () => {
    const seen = await begun('limited now');

    expect(await sessions.claimResume(claim('limited now', second, narrow), seen)).toMatchObject(narrow);
    expect(await sessions.read('limited now')).toMatchObject(narrow);
  });

  it('is the number up to which everything is acknowledged, from the last handled wake', async () => {
    const sessionItem = await begun('settled', first, narrow);
    await sessions.requestWake('settled', 'a');
    await sessions.requestWake('settled', 'a');

    await sessions.markWakeHandled(sessionItem, 1, 12);
    expect(await sessions.read('settled')).toMatchObject({ wakeHandled: 1, acknowledgedUpTo: 12 });
    await sessions.markWakeHandled(sessionItem, 1, 13);
    expect(await sessions.read('settled')).toMatchObject({ wakeHandled: 1, acknowledgedUpTo: 12 });
    await sessions.markWakeHandled(sessionItem, 2);
    expect(await sessions.read('settled')).toMatchObject({ wakeHandled: 2, acknowledgedUpTo: 12 });
  });

  it('is the same in one read of many, and with the list of shapes', async () => {
    const sessionItem = await begun('many reads', first, narrow);

    expect((await sessions.readMany(['many reads'])).get('many reads')).toEqual(sessionItem);
  });
});

describe('the end of a session whose client is away', () => {
  const endsAt = 1_700_000_060_123;

  it('is what its connection stored on release', async () => {
    await begun('away');
    expect(await sessions.read('away')).not.toHaveProperty('expiresAt');

    await sessions.release('away', first, { sessionEndsAt: endsAt });

    expect(await sessions.read('away')).toMatchObject({ session: first, expiresAt: endsAt });
    expect(await sessions.read('away')).not.toHaveProperty('owner');
  });

  it('may be never', async () => {
    await begun('never ends');
    await sessions.release('never ends', first);

    expect(await sessions.read('never ends')).not.toHaveProperty('expiresAt');
  });

  it('is stored by the first release of the owning connection', async () => {
    await begun('release time');
    await sessions.release('release time', first, { sessionEndsAt: endsAt });

    await sessions.release('release time', first, { sessionEndsAt: endsAt + 1 });
    await sessions.release('release time', second, { sessionEndsAt: endsAt + 2 });

    expect(await sessions.read('release time')).toMatchObject({ expiresAt: endsAt });
  });

  it('is not stored by a connection that was taken over', async () => {
    const seen = await begun('late release');
    await sessions.claimResume(claim('late release', second), seen);

    await sessions.release('late release', first, { sessionEndsAt: endsAt });

    const sessionItem = await sessions.read('late release');
    expect(sessionItem).toMatchObject({ owner: 'b' });
    expect(sessionItem).not.toHaveProperty('expiresAt');
  });

  it.each(['resumed', 'fresh'])('is none any more when its client is back, the session %s', async (how) => {
    const clientId = `back ${how}`;
    await begun(clientId);
    await sessions.release(clientId, first, { sessionEndsAt: endsAt });
    const seen = (await sessions.read(clientId))!;

    if (how === 'resumed') await sessions.claimResume(claim(clientId, second), seen);
    else await sessions.claimFresh(claim(clientId, second), seen);
    expect(await sessions.read(clientId)).not.toHaveProperty('expiresAt');

    await sessions.release(clientId, second);
    expect(await sessions.read(clientId)).not.toHaveProperty('expiresAt');
  });
});

describe('the congestion of a session', () => {
  const congestion = { since: 1000, at: 2000, isDrainScheduled: true };

  it('is stored by one of several writers, and requests a drain in the same step', async () => {
    const seen = await begun('congested');

    expect(await sessions.markCongested(seen, congestion)).toBe('noted');
    expect(await sessions.markCongested(seen, { ...congestion, at: 3000 })).toBe('changed');
    const sessionItem = await sessions.read('congested');
    expect(sessionItem).toMatchObject({ congestion, wakeRequests: seen.wakeRequests + 1 });
    expect(await sessions.markCongested(sessionItem!, { ...congestion, at: 3000, isDrainScheduled: false })).toBe(
      'noted',
    );
    expect(await sessions.read('congested')).toMatchObject({
      congestion: { at: 3000 },
      wakeRequests: seen.wakeRequests + 1,
    });
  });

  it('ends, or goes on without a pump', async () => {
    const seen = await begun('relieved');
    await sessions.markCongested(seen, congestion);

    await sessions.clearCongestion(seen, congestion);
    expect(await sessions.read('relieved')).toMatchObject({ congestion: { ...congestion, isDrainScheduled: false } });
    await sessions.clearCongestion(seen);
    expect(await sessions.read('relieved')).not.toHaveProperty('congestion');
  });

  it('ends with the connection that had it', async () => {
    const seen = await begun('left behind');
    await sessions.markCongested(seen, congestion);
    await sessions.release('left behind', first);
    const away = await sessions.read('left behind');
    expect(away).not.toHaveProperty('congestion');

    expect(await sessions.claimResume(claim('left behind', second), away!)).not.toHaveProperty('congestion');
    expect(await sessions.markCongested(seen, congestion)).toBe('changed');
    await sessions.clearCongestion(seen);
  });
});

describe('the owner of a session', () => {
  it('leaves it, and may say so twice', async () => {
    await begun('leaves');
    await sessions.release('leaves', first);
    await sessions.release('leaves', first);

    const sessionItem = await sessions.read('leaves');
    expect(sessionItem).toMatchObject({ session: first, fence: first });
    expect(sessionItem).not.toHaveProperty('owner');
  });

  it('that was displaced changes nothing any more', async () => {
    const seen = await begun('displaced');
    const resumed = await sessions.claimResume(claim('displaced', second), seen);

    await sessions.release('displaced', first);
    await sessions.end('displaced', first);
    await sessions.markWakeHandled(seen, 9);

    expect(await sessions.read('displaced')).toEqual(resumed);
    expect(await sessions.requestWake('displaced', 'a')).toBe('gone');
  });

  it('ends it once and for all', async () => {
    await begun('ends');
    await sessions.end('ends', first);
    await sessions.end('ends', first);
    await sessions.release('ends', first);
    await sessions.markDeleted('ends', first);

    expect(await sessions.requestWake('ends', 'a')).toBe('gone');
    expect(await sessions.reserve('ends', first, 1)).toBe('refused');
    expect(await sessions.read('ends')).toBeUndefined();
  });

  it('are counted, and handling one does not hide a later one', async () => {
    await begun('asked');
    expect(await sessions.requestWake('asked', 'a')).toBe(1);
    expect(await sessions.requestWake('asked', 'a')).toBe(2);
    const sessionItem = (await sessions.read('asked'))!;

    await sessions.markWakeHandled(sessionItem, 2);
    await sessions.markWakeHandled(sessionItem, 1);

    expect(await sessions.read('asked')).toMatchObject({ wakeRequests: 2, wakeHandled: 2 });
    expect(await sessions.requestWake('asked', 'a')).toBe(3);
    expect(await sessions.read('asked')).toMatchObject({ wakeRequests: 3, wakeHandled: 2 });
  });

  it('is greeted when it was resumed, unless a newer connection has come', async () => {
    const resumed = await sessions.claimResume(claim('greeted', second), await begun('greeted'));

    expect(resumed).toMatchObject({ connackSentOn: first });
    expect(await sessions.markConnackSent('greeted', second)).toMatchObject({
      connackSentOn: second,
      wakeRequests: 1,
      wakeHandled: 0,
    });
    expect(await sessions.markConnackSent('greeted', first)).toBe('changed');
  });

  it('returns gone for a client that is offline', async () => {
    await begun('offline');
    await sessions.release('offline', first);

    expect(await sessions.requestWake('offline', 'a')).toBe('gone');
    expect(await sessions.read('offline')).toMatchObject({ wakeRequests: 0 });
  });
});

describe('numbers of outgoing messages', () => {
  it('are reserved without a gap, by however many at once', async () => {
    await begun('numbers');

    const heads = await Promise.all(Array.from({ length: 12 }, () => sessions.reserve('numbers', first, 3)));

    const last = heads.map((sessionItem) => (sessionItem as SessionItem).outSeq).sort((one, other) => one - other);
    expect(last).toEqual(Array.from({ length: 12 }, (_, index) => 3 * (index + 1)));
  });

  it('are returned with the session item at the same moment', async () => {
    await begun('moment');
    await sessions.requestWake('moment', 'a');

    expect(await sessions.reserve('moment', first, 1)).toEqual(await sessions.read('moment'));
  });

  it('are refused beyond what is free, all or none', async () => {
    await sessions.setQueueCapacity(await begun('limited'), 5);

    expect(await sessions.reserve('limited', first, 3)).toMatchObject({ outSeq: 3 });
    expect(await sessions.reserve('limited', first, 3)).toBe('refused');
    expect(await sessions.reserve('limited', first, 2)).toMatchObject({ outSeq: 5 });
    expect(await sessions.reserve('limited', first, 1)).toBe('refused');
  });

  it('without limit are reserved in any case, at the expense of the others', async () => {
    await sessions.setQueueCapacity(await begun('unlimited'), 5);

    expect(await sessions.reserveAndRequestWake('unlimited', first, 8)).toMatchObject({ outSeq: 8 });
    expect(await sessions.reserve('unlimited', first, 1)).toBe('refused');
  });

  it('are not for a session that was replaced', async () => {
    await begun('wrong');
    await begun('wrong', second);

    expect(await sessions.reserveAndRequestWake('wrong', first, 1)).toBe('refused');
    expect(await sessions.reserve('wrong', first, 1)).toBe('refused');
    expect(await sessions.read('wrong')).toMatchObject({ outSeq: 0 });
  });

  itExhaustive('that were reserved meanwhile are not freed by a writer that did not see them', async () => {
    const outcomes = new Set();

    await everyInterleaving(async (race, round) => {
      const clientId = `race-${round}`;
      const seen = await begun(clientId);
      await sessions.setQueueCapacity(seen, 1);
      let outcome: string | undefined;
      await race(
        async (gate) => {
          outcome = await store(gate).setQueueCapacity(seen, 2);
        },
        (gate) => store(gate).reserve(clientId, first, 1),
      );
      const left = await sessions.reserve(clientId, first, 1);
      outcomes.add(`${outcome}: ${left === 'refused' ? 'full' : 'one left'}`);
    });

    expect(outcomes).toEqual(new Set(['set: one left', 'changed: full']));
  });

  it('are not set free for a client that left or came back meanwhile', async () => {
    const online = await begun('comes and goes');
    await sessions.release('comes and goes', first);
    const offline = (await sessions.read('comes and goes'))!;

    expect(await sessions.setQueueCapacity(online, 100)).toBe('changed');
    expect(await sessions.setQueueCapacity(offline, 1)).toBe('set');
    await sessions.claimResume(claim('comes and goes', second), offline);
    expect(await sessions.setQueueCapacity(offline, 100)).toBe('changed');
  });

  it('are zero after the client has left, until the queue is counted', async () => {
    await sessions.setQueueCapacity(await begun('leaving'), 100);
    await sessions.reserve('leaving', first, 7);

    await sessions.release('leaving', first);

    expect(await sessions.read('leaving')).toMatchObject({ outSeq: 7, offlineFrom: 7 });
    expect(await sessions.reserve('leaving', first, 1)).toBe('refused');
  });

  it('are not set free in a session that was replaced or has ended', async () => {
    const seen = await begun('freed');
    await begun('freed', second);
    expect(await sessions.setQueueCapacity(seen, 100)).toBe('changed');

    await sessions.markDeleted('freed', first);
    await sessions.end('freed', second);
    expect(await sessions.setQueueCapacity(seen, 100)).toBe('changed');
    expect(await sessions.read('freed')).toBeUndefined();
  });
});

describe('heads', () => {
  it('of more clients than one batch holds come back by client id, those that exist', async () => {
    const clientIds = Array.from({ length: 120 }, (_, index) => `many-${index}`);
    await Promise.all(clientIds.slice(0, 110).map((clientId) => begun(clientId)));

    const heads = await sessions.readMany(clientIds);

    expect([...heads.keys()].sort()).toEqual(clientIds.slice(0, 110).sort());
    expect(heads.get('many-7')).toEqual(await sessions.read('many-7'));
    expect((await sessions.readMany([])).size).toBe(0);
  });

  it('of long client ids differ by their last byte', async () => {
    const [one, other] = [longest('client', 'a'), longest('client', 'b')];
    await begun(one, first);
    await begun(other, second);

    expect((await sessions.read(one))?.session).toBe(first);
    expect((await sessions.read(one))?.clientId === one).toBe(true);
    expect([...(await sessions.readMany([one, other])).values()].map(({ session }) => session).sort()).toEqual([
      first,
      second,
    ]);
    expect(await sessions.read('client')).toBeUndefined();
  });

  it('come together with the list of shapes in one read', async () => {
    const index = new DynamoTopicIndex(engine.client(), engine.table('topicIndex'));
    const lookup = new DynamoLookup(engine.client(), {
      connections: engine.table('connections'),
      topicIndex: engine.table('topicIndex'),
      sessions: engine.table('sessions'),
    });
    const noShapes = { revisions: new Map(), owners: new Map(), version: 0 };
    expect(await lookup.read('nobody', [])).toEqual({ shapes: noShapes, sessions: new Map() });

    const sessionItem = await begun('looked-up');
    await index.list(['L+'], 'owner', noShapes);

    expect(await lookup.read('nobody', ['looked-up', 'nobody'])).toEqual({
      shapes: { revisions: new Map([['L+', 1]]), owners: new Map([['L+', 'owner']]), version: 1 },
      sessions: new Map([['looked-up', sessionItem]]),
    });
  });
});

const plainWill: Will = { message: message('will'), delay: 0 };

describe('wills', () => {
  it('belong to a connection, and are read as they were put', async () => {
    const will = { message: message('will/topic', everyByte, { qos: 2, retain: false }), delay: 0 };
    const other = { message: message('other', ''), delay: 0 };
    const clientId = longest('will', '!');
    await sessions.putWill(clientId, 'a', will);
    await sessions.putWill(clientId, 'b', other);

    expect(await sessions.will(clientId, 'a')).toEqual(will);
    expect(await sessions.will(clientId, 'b')).toEqual(other);
    expect(await sessions.will(clientId, 'c')).toBeUndefined();
    expect(await sessions.read(clientId)).toBeUndefined();
  });

  it('are read with their delay, their expiry and all properties of their message', async () => {
    const wills: Will[] = [
      { message: fullMessage('will'), delay: 0xffff_ffff, expiry: 0xffff_ffff },
      { message: emptyMessage('will'), delay: 0, expiry: 0 },
      { message: message('will'), delay: 1 },
    ];

    for (const will of wills) {
      await sessions.putWill('ended', 'a', will);

      expect(await sessions.will('ended', 'a')).toEqual(will);
    }
  });

  it('are removed by exactly one of two', async () => {
    await sessions.putWill('once', 'a', plainWill);

    const results = await Promise.all([sessions.removeWill('once', 'a'), sessions.removeWill('once', 'a')]);

    expect(results.sort()).toEqual(['absent', 'removed']);
    expect(await sessions.will('once', 'a')).toBeUndefined();
  });

  it('stay when the session is replaced or ends', async () => {
    await begun('stays');
    await sessions.putWill('stays', 'a', plainWill);
    await begun('stays', second);
    await sessions.end('stays', second);

    expect(await sessions.will('stays', 'a')).toEqual(plainWill);
  });
});

describe('subscriptions of a session', () => {
  it('are as many as it wants, each once, however long', async () => {
    const long = [longest('a/', '/+'), longest('a/', '/#')];
    const filters = [...Array.from({ length: 60 }, (_, index) => `a/${index}/+`), ...long];

    await sessions.putSubscriptions('many', [...filters, ...filters]);
    await sessions.putSubscriptions('many', filters.slice(0, 3));

    expect((await sessions.subscriptions('many')).sort().join(' ') === filters.sort().join(' ')).toBe(true);
  });

  it('are removed one by one, and any number of times', async () => {
    await sessions.putSubscriptions('some', ['a', 'b', 'c']);

    await sessions.removeSubscriptions('some', ['a', 'c', 'a', 'never there']);
    await sessions.removeSubscriptions('some', ['a']);
    await sessions.removeSubscriptions('some', []);

    expect(await sessions.subscriptions('some')).toEqual(['b']);
  });

  it('return which of some names exist, for any number and length', async () => {
    const long = [longest('a/', '/+'), longest('a/', '/#')];
    const names = Array.from({ length: 120 }, (_, index) => `a/${index}`);
    await sessions.putSubscriptions('asked for', [...names.slice(0, 110), '$share/g/a', long[0]!]);

    const found = await sessions.hasSubscriptions('asked for', [...names, ...names.slice(0, 3), ...long, 'a']);

    expect([...found].sort().join(' ') === [...names.slice(0, 110), long[0]].sort().join(' ')).toBe(true);
    expect(await sessions.hasSubscriptions('asked for', ['$share/g/a', '$share/h/a'])).toEqual(new Set(['$share/g/a']));
    expect(await sessions.hasSubscriptions('asked for', [])).toEqual(new Set());
    expect(await sessions.hasSubscriptions('of nobody', ['a/1'])).toEqual(new Set());
  });

  it('are apart from those of other sessions, and from a client whose id is the session', async () => {
    await sessions.putSubscriptions(first, ['a']);
    await sessions.putSubscriptions(`${first}a`, ['b']);
    await begun(first, second);
    await sessions.putWill(first, 'b', plainWill);

    expect(await sessions.subscriptions(first)).toEqual(['a']);
    await sessions.end(first, second);
    expect(await sessions.subscriptions(first)).toEqual(['a']);
  });
});
