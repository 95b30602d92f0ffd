import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiClient, BrokerApi } from '../../clients/api';
import { Broker5 } from '../support/broker5';
import { connectPacket, subscription } from '../support/client5';
import { apiOf } from './support';

const willOf = (topic: string, willDelayInterval = 0) => ({
  topic,
  payload: 'lost',
  qos: 1 as const,
  retain: false,
  properties: { willDelayInterval },
});

async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of all) found.push(one);
  return found;
}

describe('the list of clients', () => {
  let broker: Broker5;
  let api: BrokerApi;
  beforeAll(async () => {
    broker = await Broker5.start();
    api = apiOf(broker.cloud);
  });
  afterAll(() => broker.stop());

  it('contains each client that is connected or has a session once, page by page', async () => {
    const names = Array.from({ length: 240 }, (_, index) => `fleet/${index}`);
    for (let start = 0; start < names.length; start += 20) {
      await Promise.all(
        names.slice(start, start + 20).map(async (clientId, index) => {
          const client = await broker.open();
          const properties = { sessionExpiryInterval: 3600 };
          const subscriptions = ['a', 'b', 'c'].map((topic) => subscription({ topic }));
          client.send(connectPacket(clientId, index % 2 ? { clean: false, properties } : {}), {
            cmd: 'subscribe',
            messageId: 1,
            subscriptions,
          });
          await client.next('suback');
        }),
      );
    }

    const pages: (readonly ApiClient[])[] = [];
    for (let cursor: string | undefined, isFirst = true; isFirst || cursor; isFirst = false) {
      const page = await api.clientPage({ limit: 50, cursor });
      pages.push(page.items);
      cursor = page.next;
    }

    expect(
      pages
        .flat()
        .map(({ clientId }) => clientId)
        .sort(),
    ).toEqual([...names].sort());
    expect(pages.every((page) => page.length <= 50)).toBe(true);
    expect(pages.length).toBeLessThanOrEqual(6);
    expect((await collect(api.clients({ limit: 500 }))).length).toBe(names.length);
  }, 180_000);

  it('contains time, protocol version and identity', async () => {
    const before = Date.now() - 1;
    const old = await broker.older.resume('old one');
    await old.disconnect();
    await broker.cloud.settled();

    const found = (await collect(api.clients())).find(({ clientId }) => clientId === 'old one');

    expect(found).toEqual({
      clientId: 'old one',
      connected: false,
      since: expect.any(String),
      version: 4,
      identity: { kind: 'anonymous' },
      persistent: true,
      sessionEndsAt: expect.any(String),
    });
    expect(Date.parse(found?.since ?? '')).toBeGreaterThan(before);
  });

  it.each(['x', Buffer.from('["a"]').toString('base64url'), Buffer.from('["",""]').toString('base64url')])(
    'refuses the cursor %s',
    async (cursor) => {
      await expect(api.clientPage({ cursor })).rejects.toMatchObject({ status: 400, code: 'invalid-cursor' });
    },
  );

  it.each([0, 501, 1.5])('refuses a limit of %s', async (limit) => {
    await expect(api.clientPage({ limit })).rejects.toMatchObject({
      code: 'invalid-request',
      errors: [{ pointer: 'limit' }],
    });
  });
});

describe('a client', () => {
  let broker: Broker5;
  let api: BrokerApi;
  beforeAll(async () => {
    broker = await Broker5.start();
    api = apiOf(broker.cloud);
  });
  afterEach(() => broker.cloud.faults.clear());
  afterAll(() => broker.stop());

  it('is shown with its subscriptions, its queue and its address', async () => {
    const client = await broker.resume('shown', 600, { keepalive: 77 });
    await client.subscribe([{ topic: 'a/+', qos: 1, nl: true }], { subscriptionIdentifier: 9 });
    await client.subscribe({ topic: '$share/g/b', qos: 2 });
    for (let count = 0; count < 3; count++) await api.publish({ topic: 'a/b', payload: 'x', qos: 1 });
    await broker.cloud.settled();

    expect(await api.client('shown')).toEqual({
      clientId: 'shown',
      connected: true,
      since: expect.any(String),
      version: 5,
      identity: { kind: 'anonymous' },
      persistent: true,
      keepAlive: 77,
      sessionExpiryInterval: 600,
      source: { address: '127.0.0.1', lastActiveAt: expect.any(String) },
      queued: 3,
      subscriptions: expect.arrayContaining([
        { filter: 'a/+', qos: 1, noLocal: true, retainAsPublished: false, identifier: 9 },
        { filter: 'b', share: 'g', qos: 2, noLocal: false, retainAsPublished: false },
      ]),
      subscriptionCount: 2,
    });
  });

  it.each(['a/b', 'with space', '~tilde', 'ünïcode', 'a%2Fb', '..', '+', 'a?b#c'])(
    'is found by the client id %s',
    async (clientId) => {
      await broker.connect(clientId);

      expect((await api.client(clientId)).clientId).toBe(clientId);
    },
  );

  it('that does not exist is a problem', async () => {
    await expect(api.client('nobody')).rejects.toMatchObject({ status: 404, code: 'no-such-client' });
    await expect(api.disconnect('nobody')).rejects.toMatchObject({ status: 404, code: 'no-such-client' });
  });

  it('of MQTT 5.0 gets DISCONNECT with 0x98, and its will is published', async () => {
    const observer = await broker.connect('observer');
    await observer.subscribe('wills/1');
    const client = await broker.connect('goes', { will: willOf('wills/1') });

    expect(await api.disconnect('goes')).toEqual({ clientId: 'goes', connected: true });

    expect((await client.farewell()).reasonCode).toBe(0x98);
    expect((await observer.hear()).text).toBe('lost');
    await broker.cloud.settled();
    await expect(api.client('goes')).rejects.toMatchObject({ code: 'no-such-client' });
  });

  it('of MQTT 3.1.1 is disconnected by closing its connection', async () => {
    const client = await broker.older.connect('old');

    await api.disconnect('old');

    await client.closed();
    expect(client.rest()).toEqual([]);
  });

  it('is disconnected after everything that it has sent before', async () => {
    const observer = await broker.connect('counts');
    await observer.subscribe('before/#');
    const client = await broker.connect('sends');
    for (let index = 0; index < 20; index++) {
      client.send({ cmd: 'publish', topic: 'before/a', payload: `${index}`, qos: 0, dup: false, retain: false });
    }
    await broker.cloud.settled();
    await api.disconnect('sends');

    for (let index = 0; index < 20; index++) expect((await observer.hear()).text).toBe(`${index}`);
  });

  it('is disconnected without its will on request', async () => {
    const observer = await broker.connect('hears no will');
    await observer.subscribe('wills/2');
    const client = await broker.connect('goes quietly', { will: willOf('wills/2') });

    await api.disconnect('goes quietly', { will: 'discard' });

    await client.closed();
    expect(await broker.heardBy(observer)).toEqual([]);
  });

  it('resumes its session, unless the request removed it', async () => {
    for (const session of ['keep', 'remove'] as const) {
      const client = await broker.resume(`returns ${session}`);
      await client.subscribe('for/it');
      await api.disconnect(`returns ${session}`, { session });
      await client.closed();
      const back = await broker.resume(`returns ${session}`);

      expect(back.connack?.sessionPresent).toBe(session === 'keep');
    }
  });

  it.each([600, 0xffff_ffff])(
    'that is offline with a session of %i s loses its session, its will and its rows',
    async (expiry) => {
      const own = await Broker5.start();
      try {
        const observer = await own.older.connect('observes', { keepalive: 0 });
        await observer.subscribe(1, 'wills/3');
        const rows = await own.older.rows();
        const client = await own.resume('away', expiry, { will: willOf('wills/3', 300) });
        await client.subscribe(['x', '$share/g/y'].map((topic) => ({ topic, qos: 2 as const })));
        await own.lose(client);
        await apiOf(own.cloud).publish({ topic: 'x', payload: 'waits', qos: 1 });

        const options = { session: 'remove', will: 'discard' } as const;
        expect(await apiOf(own.cloud).disconnect('away', options)).toEqual({ clientId: 'away', connected: false });

        expect(await own.older.rows()).toEqual(rows);
        await own.pass(400);
        expect(await own.older.heardBy(observer)).toEqual([]);
      } finally {
        await own.stop();
      }
    },
  );

  it('with a session that never expires loses it too', async () => {
    await broker.cloud.settled();
    const rows = await broker.older.rows();
    const client = await broker.older.resume('forever');
    await client.subscribe(1, 'x');
    await client.disconnect();
    await api.publish({ topic: 'x', payload: 'waits', qos: 1 });

    await api.disconnect('forever', { session: 'remove' });
    await broker.cloud.settled();

    expect(await broker.older.rows()).toEqual(rows);
  });

  it('with only direct messages in its queue leaves no rows', async () => {
    await broker.cloud.settled();
    const rows = await broker.older.rows();
    const client = await broker.resume('never subscribed');
    await api.sendToClient('never subscribed', { topic: 'x', qos: 1 });
    await api.disconnect('never subscribed', { session: 'remove' });
    await client.closed();
    await broker.cloud.settled();

    expect(await broker.older.rows()).toEqual(rows);
  });

  describe('whose function dies', () => {
    let quick: Broker5;
    beforeAll(async () => {
      quick = await Broker5.start({ visibilitySeconds: 0.3 });
    });
    afterEach(() => quick.cloud.faults.clear());
    afterAll(() => quick.stop());

    const deaths = [
      ['UpdateItem', 'sessions'],
      ['PostToConnection', '@connections'],
      ['DeleteConnection', '@connections'],
      ['DeleteItem', 'topicIndex'],
      ['DeleteItem', 'sessions'],
      ['BatchWriteItem', 'sessions'],
      ['BatchWriteItem', 'inflight'],
      ['DeleteItem', 'connections'],
    ] as const;

    it.each(
      deaths.flatMap(([operation, table]) =>
        (['before', 'after'] as const).map((when) => [operation, table, when] as const),
      ),
    )('at %s of %s, %s, is disconnected nevertheless, and its session is removed', async (operation, table, when) => {
      const observer = await quick.connect('observer');
      await observer.subscribe({ topic: 'wills/4', qos: 0 });
      await quick.cloud.settled();
      const rows = await quick.older.rows();
      const client = await quick.resume('dies', 600, { will: willOf('wills/4') });
      await client.subscribe(['x', 'y'].map((topic) => ({ topic, qos: 1 as const })));
      await apiOf(quick.cloud).publish({ topic: 'x', payload: 'waits', qos: 1 });
      await quick.cloud.settled();
      await quick.cloud.faults.set({
        ...{ fault: 'call', function: 'onPackets', operation, when, outcome: 'kill', times: 1 },
        ...(table !== '@connections' && { table }),
      });

      await apiOf(quick.cloud).disconnect('dies', { session: 'remove' });
      await quick.older.struck();
      await quick.cloud.faults.clear();
      await client.closed();
      await expectEventually(() => quick.older.rows(), rows);

      expect((await observer.hear()).text).toBe('lost');
    });
  });
});

async function expectEventually<T>(read: () => Promise<T>, wanted: T): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (JSON.stringify(await read()) !== JSON.stringify(wanted) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(await read()).toEqual(wanted);
}
