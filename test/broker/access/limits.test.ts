/*
 * Limits that an operator sets. Proved elsewhere: those that always hold: ../limits.test.ts; the queue: ../session.test.ts; failed
 * logins: passwords.test.ts; CONNECT in time: tokens.test.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { generate } from 'mqtt-packet';
import { connectPacket } from '../../support/client5';
import { GuardedBroker } from '../../support/guarded-broker';
import { TestBroker } from '../../support/test-broker';
import { publishPacket } from '../../support/text-client';

const second = 1000;

describe('limits of one client', () => {
  let guarded: GuardedBroker;

  beforeAll(async () => {
    const settings = {
      ...{ maxPublishRate: 2, maxPublishBytes: 1000, maxSubscriptions: 2, maxLevels: 3, maxPacketSize: 2048 },
      ...{ maxConnectionsPerUser: 2, connectTimeout: 300 },
    };
    guarded = await GuardedBroker.start({ rules: [{ actions: ['all'], topics: ['#'] }] }, { settings });
    guarded.cloud.clock.hold(); // rates are of its seconds, not of ours
    await guarded.addUser('ann', 'secret of ann');
    await guarded.addUser('ben', 'secret of ben', { maxConnections: 1 });
  });

  // Whoever is still there has a seat.
  afterEach(async () => {
    for (const connection of guarded.cloud.connections()) guarded.cloud.faults.cut(connection);
    await guarded.cloud.settled();
    guarded.cloud.clock.jump(10 * second); // a user may publish as much as before
  });

  afterAll(() => guarded.stop());

  const login = (username: string) => ({ username, password: Buffer.from(`secret of ${username}`) });
  /** What CONNACK says. */
  async function codeOf(clientId: string, fields: ReturnType<typeof login>): Promise<number | undefined> {
    const client = await guarded.broker.open();
    client.send(connectPacket(clientId, fields));
    return (await client.next('connack')).reasonCode;
  }

  const limited = () => guarded.logged('limit').at(-1);

  /** Publishes many messages in one frame, each with so many bytes of payload. */
  const burst = (count: number, size = 1) =>
    Buffer.concat(
      Array.from({ length: count }, (_, index) =>
        generate(publishPacket('t', Buffer.alloc(size), { qos: 1, messageId: index + 1 })),
      ),
    );

  it('let a burst of ten seconds through, and end the connection of whoever goes on with 0x96', async () => {
    const client = await guarded.broker.connect('burst', login('ann'));
    client.sendBytes(burst(20));
    await client.ping();
    client.sendBytes(burst(1));

    expect(await client.farewell()).toMatchObject({ reasonCode: 0x96 });
  });

  it('give back what was not used, second by second', async () => {
    const client = await guarded.broker.connect('patient', login('ann'));
    client.sendBytes(burst(20));
    await client.ping();
    guarded.cloud.clock.jump(3 * second);
    client.sendBytes(burst(6));
    await client.ping();
    client.sendBytes(burst(1));

    expect(await client.farewell()).toMatchObject({ reasonCode: 0x96 });
  });

  it('count bytes as well, also of QoS 0', async () => {
    const client = await guarded.broker.connect('heavy', login('ann'));
    for (let sent = 0; sent < 6; sent++) client.send(publishPacket('t', Buffer.alloc(1900)));

    expect(await client.farewell()).toMatchObject({ reasonCode: 0x96 });
  });

  it('close a client of MQTT 3.1.1 that publishes too much', async () => {
    const client = await guarded.older.connect('older', login('ann'));
    client.sendStream(burst(21));
    await client.closed();

    expect(guarded.logged('protocol error').at(-1)).toMatchObject({ reason: 0x96 });
  });

  it('refuse a subscription too many with 0x97, but not to replace one', async () => {
    const client = await guarded.broker.connect('curious', login('ann'));

    expect(await client.subscribe(['a', 'b', 'c'])).toEqual([2, 2, 0x97]);
    expect(await client.subscribe({ topic: 'a', qos: 0 })).toEqual([0]);
    await client.unsubscribe('b');
    expect(await client.subscribe('c')).toEqual([2]);
  });

  it('refuse a filter with a level too many', async () => {
    const client = await guarded.broker.connect('deep', login('ann'));

    expect(await client.subscribe(['a/b/c', 'a/b/c/d'])).toEqual([2, 0x97]);
  });

  it('are told as Maximum Packet Size, and end the connection of a larger packet with 0x95', async () => {
    const client = await guarded.broker.connect('large', login('ann'));
    expect(client.connack?.properties).toMatchObject({ maximumPacketSize: 2048 });
    client.send(publishPacket('t', Buffer.alloc(2048)));

    expect(await client.farewell()).toMatchObject({ reasonCode: 0x95 });
  });

  it('refuse a client too many of one user with 0x97, and let it in when another one has left', async () => {
    const [first] = [
      await guarded.broker.connect('one', login('ann')),
      await guarded.broker.connect('two', login('ann')),
    ];
    expect(await codeOf('three', login('ann'))).toBe(0x97);
    expect(limited()).toMatchObject({ limit: 'connections of a user', username: 'ann', allowed: 2 });
    await guarded.broker.leave(first!);

    expect(await codeOf('three', login('ann'))).toBe(0);
  });

  it('do not count the same client twice, nor one that was lost', async () => {
    await guarded.broker.connect('only', login('ben'));
    const again = await guarded.broker.connect('only', login('ben'));
    await guarded.cloud.settled();
    expect(await codeOf('other', login('ben'))).toBe(0x97);
    await guarded.broker.lose(again);

    expect(await codeOf('other', login('ben'))).toBe(0);
  });

  it('count no client that waited to take over from another and was closed meanwhile', async () => {
    const first = await guarded.broker.connect('waited for', login('ben'));
    await guarded.cloud.settled();
    const dies = { fault: 'call', outcome: 'kill', when: 'before', function: 'onPackets', times: 1 } as const;
    await guarded.cloud.faults.set(dies); // the stream of the first one stands still
    first.sendBytes(burst(1));
    await guarded.broker.older.struck();
    await guarded.cloud.faults.clear();
    const second = await guarded.broker.open();
    second.send(connectPacket('waited for', login('ben')));
    while (guarded.logged('taken over').length === 0) await sleep(2);
    for (let frame = 0; frame < 5; frame++) second.sendBytes(burst(1, 24_000)); // more than is kept behind a CONNECT
    await second.line.closed();
    guarded.cloud.clock.jump(200 * 1000);
    await guarded.cloud.settled();

    expect(await codeOf('another', login('ben'))).toBe(0);
  });
});

describe('a limit of retained messages', () => {
  let broker: TestBroker;

  beforeAll(async () => {
    broker = await TestBroker.start({ settings: { maxRetained: 2 } });
  });

  afterAll(() => broker.stop());

  it('lets the broker keep no more topics, and still replaces and removes what it has', async () => {
    const client = await broker.connect('client');
    const retain = (topic: string, text: string) => client.publish(topic, text, { qos: 1, retain: true });
    for (const topic of ['r/a', 'r/b', 'r/c']) await retain(topic, 'first');
    await retain('r/a', 'second');
    expect(await kept()).toEqual(['r/a second', 'r/b first']);
    expect(broker.logged('limit').at(-1)).toMatchObject({ limit: 'retained messages', allowed: 2 });
    await retain('r/b', '');
    await retain('r/c', 'at last');

    expect(await kept()).toEqual(['r/a second', 'r/c at last']);
  });

  async function kept(): Promise<string[]> {
    const reader = await broker.connect('reader');
    await reader.subscribe(0, 'r/#');
    return (await broker.heardBy(reader)).map(({ topic, text }) => `${topic} ${text}`).sort();
  }
});
