/*
 * Proved elsewhere: the end of a member's session, and what a member refuses, by the shell.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from '../../../lambdas/broker/model/delivery';
import type { Subscriber } from '../../../lambdas/broker/model/subscription';
import type { InflightStore } from '../../../lambdas/broker/ports/inflight-store';
import type { Ports } from '../../../lambdas/broker/ports/ports';
import type { SessionStore } from '../../../lambdas/broker/ports/session-store';
import type { ShapeChecks, TopicIndex } from '../../../lambdas/broker/ports/topic-index-store';
import { chooseMembers } from '../../../lambdas/broker/publishing/shared-subscriptions';
import { recipientsOf } from '../../../lambdas/broker/topic-index/recipients';
import type { QoS } from '../../../lambdas/protocol/packets';
import { allowEverything } from '../../../lambdas/protocol/permissions';
import { DynamoInflightStore } from '../../../lambdas/storage/inflight-store';
import { DynamoSessionStore } from '../../../lambdas/storage/session-store';
import { DynamoShapeChecks } from '../../../lambdas/storage/shape-checks';
import { DynamoTopicIndex } from '../../../lambdas/storage/topic-index';
import { Engine } from '../../storage/support/engine';
import { message } from '../../storage/support/messages';
import { clause } from '../../support/clause';

const now = 1_700_000_000_000;
const first = '000000000000001#a';
const second = '000000000000002#b';

let engine: Engine;
let sessions: SessionStore;
let inflight: InflightStore;
let topicIndex: TopicIndex;
let shapeChecks: ShapeChecks;
/** Distinguishes the clients and shares of each test. */
let round = 0;

beforeAll(async () => {
  engine = await Engine.start();
  sessions = new DynamoSessionStore(engine.client(), engine.table('sessions'));
  topicIndex = new DynamoTopicIndex(engine.client(), engine.table('topicIndex'));
  shapeChecks = new DynamoShapeChecks(engine.client(), engine.table('connections'), () => now);
  inflight = new DynamoInflightStore({
    db: engine.client(),
    dbWithoutRetries: engine.client(),
    table: engine.table('inflight'),
    now: () => now,
  });
});

beforeEach(() => {
  round += 1;
});

afterAll(() => engine.stop());

/** Permissions are tested with a whole broker. */
const access = { cachedPermissions: () => allowEverything } as unknown as Ports['access'];

function nameOf(client: string): string {
  return `${client}-${round}`;
}

/** The client is connected. */
async function comes(client: string, fence = first): Promise<void> {
  const claim = { clientId: nameOf(client), connectionId: nameOf(client), fence, cleanStart: false, persistent: true };
  const seen = await sessions.read(nameOf(client));
  const identity = { kind: 'anonymous' } as const;
  await sessions.claimFresh({ ...claim, version: 5, capabilities: {}, identity }, seen ?? 'none');
}

/** The client is away, and its session waits. */
async function goes(client: string, expiresAt?: number): Promise<void> {
  await sessions.release(nameOf(client), first, { sessionEndsAt: expiresAt });
}

function member(client: string, fields: Partial<Subscriber> = {}): Subscriber {
  return { filter: 'a/+', clientId: nameOf(client), session: first, qos: 1, share: `g${round}`, ...fields };
}

function incoming(id: string, qos: QoS = 1, attempted = false): IncomingMessage {
  return { message: message('a/b', id, { qos }), id, replay: false, attempted, retained: false };
}

/** Returns the chosen clients of each message. */
async function chosen(rows: readonly Subscriber[], ...all: readonly IncomingMessage[]): Promise<string[][]> {
  const ports = { sessions, inflight, topicIndex, shapeChecks, access, now: () => now } as Partial<Ports> as Ports;
  const found = await chooseMembers(ports, all, () => recipientsOf(rows));
  return all.map((one) => (found.get(one) ?? []).map(({ clientId }) => clientId.replace(`-${round}`, '')));
}

function manyArrivals(qos: QoS = 1): IncomingMessage[] {
  return Array.from({ length: 90 }, (_, index) => incoming(`event-${index}.0`, qos));
}

describe('the choice of members', () => {
  it('is empty without shared subscriptions', async () => {
    await comes('one');

    expect(await chosen([member('one', { share: undefined })], incoming('x'))).toEqual([[]]);
    expect(await chosen([], incoming('x'))).toEqual([[]]);
  });

  it('is one member of each share, and spreads the messages', async () => {
    const clients = ['one', 'two', 'three'];
    for (const client of clients) await comes(client);

    const results = await chosen(
      clients.map((client) => member(client)),
      ...manyArrivals(),
    );

    expect(results.map(({ length }) => length)).toEqual(Array(90).fill(1));
    for (const client of clients) {
      expect(results.flat().filter((one) => one === client).length).toBeGreaterThan(15);
    }
  });

  it('is one member of each share, also where a message matches several shares and filters', async () => {
    for (const client of ['one', 'two']) await comes(client);
    const rows = [
      member('one'),
      member('two'),
      member('one', { share: `h${round}` }),
      member('one', { filter: 'a/#' }),
      member('two', { filter: 'a/#' }),
    ];

    for (const clients of await chosen(rows, ...manyArrivals())) expect(clients).toHaveLength(3);
  });

  clause('MQTT-4.8.2-3', 'serves the member at the QoS that it was granted', async () => {
    for (const client of ['one', 'two']) await comes(client);
    const rows = [member('one', { qos: 0, identifiers: [7] }), member('two', { qos: 2 })];
    const ports = { sessions, inflight, topicIndex, shapeChecks, access, now: () => now } as Partial<Ports> as Ports;

    const found = await chooseMembers(ports, manyArrivals(2), () => recipientsOf(rows));

    expect(new Set([...found.values()].flat())).toEqual(new Set(rows));
  });

  it('is a connected member while there is one', async () => {
    for (const client of ['one', 'two', 'three', 'four']) await comes(client);
    await goes('one');
    await goes('two');

    const results = await chosen(
      ['one', 'two', 'three', 'four'].map((client) => member(client)),
      ...manyArrivals(),
    );

    expect(new Set(results.flat())).toEqual(new Set(['three', 'four']));
  });

  it('is no member that does not read while another one is connected', async () => {
    for (const client of ['one', 'two']) await comes(client);
    const item = await sessions.read(nameOf('one'));
    await sessions.markCongested(item!, { since: now, at: now, isDrainScheduled: true });
    const members = ['one', 'two'].map((client) => member(client));

    expect(new Set((await chosen(members, ...manyArrivals())).flat())).toEqual(new Set(['two']));
    await goes('two');
    expect(new Set((await chosen(members, ...manyArrivals())).flat())).toEqual(new Set(['one']));
  });

  it('is a member whose session waits if none is connected', async () => {
    for (const client of ['one', 'two']) await comes(client);
    await goes('one');
    await goes('two', now + 1);

    const results = await chosen([member('one'), member('two')], ...manyArrivals());

    expect(results.every(({ length }) => length === 1)).toBe(true);
    expect(new Set(results.flat())).toEqual(new Set(['one', 'two']));
  });

  it('is no member whose session has expired, has ended, or is another one by now', async () => {
    for (const client of ['expired', 'ended', 'anew']) await comes(client);
    await goes('expired', now);
    await sessions.end(nameOf('ended'), first);
    await comes('anew', second);
    const rows = ['expired', 'ended', 'anew', 'never there'].map((client) => member(client));

    expect(new Set((await chosen(rows, ...manyArrivals())).flat())).toEqual(new Set());

    await comes('one');
    expect(new Set((await chosen([...rows, member('one')], ...manyArrivals())).flat())).toEqual(new Set(['one']));
  });
});

describe('a repeated attempt', () => {
  const clients = ['one', 'two', 'three'];

  /** All members; the chosen one has left since. */
  async function afterItsMemberWent(qos: QoS): Promise<{ was: string; rows: Subscriber[] }> {
    for (const client of clients) await comes(client);
    const rows = clients.map((client) => member(client, { qos: 2 }));
    const [[was = ''] = []] = await chosen(rows, incoming('event.0', qos));
    await goes(was);
    return { was, rows };
  }

  it.each([0, 1, 2] as const)('chooses the same member at QoS %i', async (qos) => {
    for (const client of clients) await comes(client);
    const rows = clients.map((client) => member(client, { qos: 2 }));
    const before = await chosen(rows, ...manyArrivals(qos));

    const again = manyArrivals(qos).map((one) => ({ ...one, attempted: true }));

    expect(await chosen(rows, ...again)).toEqual(before);
  });

  clause('MQTT-4.8.2-4', 'keeps the member at QoS 2, although others are connected', async () => {
    const { was, rows } = await afterItsMemberWent(2);

    expect(await chosen(rows, incoming('event.0', 2, true))).toEqual([[was]]);
    expect(await chosen(rows, incoming('event.0', 2, true))).toEqual([[was]]);
  });

  clause('MQTT-4.8.2-5', 'chooses no other member at QoS 2 after the session of that member has ended', async () => {
    const { was, rows } = await afterItsMemberWent(2);
    await sessions.end(nameOf(was), first);

    expect(await chosen(rows, incoming('event.0', 2, true))).toEqual([[was]]);
  });

  it('chooses no other member at QoS 2 after that member has left the share', async () => {
    const { was, rows } = await afterItsMemberWent(2);
    const left = rows.filter(({ clientId }) => clientId !== nameOf(was));

    expect(await chosen(left, incoming('event.0', 2, true))).toEqual([[]]);
  });

  it('chooses a member that is connected now at QoS 1', async () => {
    const { was, rows } = await afterItsMemberWent(1);

    const [[is] = []] = await chosen(rows, incoming('event.0', 1, true));

    expect(clients.filter((client) => client !== was)).toContain(is);
  });

  it('chooses a member that is connected now where the member was granted less than QoS 2', async () => {
    for (const client of clients) await comes(client);
    const rows = clients.map((client) => member(client));
    const [[was = ''] = []] = await chosen(rows, incoming('event.0', 2));
    await goes(was);

    const [[is] = []] = await chosen(rows, incoming('event.0', 2, true));

    expect(clients.filter((client) => client !== was)).toContain(is);
  });

  it('stores the chosen member for each share and each message', async () => {
    for (const client of clients) await comes(client);
    const rows = clients.flatMap((client) => [
      member(client, { qos: 2 }),
      member(client, { qos: 2, share: `h${round}` }),
      member(client, { qos: 2, filter: '#' }),
    ]);
    const before = await chosen(rows, incoming('event.0', 2), incoming('event.1', 2));
    for (const client of clients.slice(0, 2)) await goes(client);

    expect(await chosen(rows, incoming('event.0', 2, true), incoming('event.1', 2, true))).toEqual(before);
    expect(await chosen(rows, incoming('event.2', 2, true))).toEqual([['three', 'three', 'three']]);
  });
});
