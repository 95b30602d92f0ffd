import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { QoS } from 'mqtt-packet';
import { type Cloud, startCloud } from '../local/cloud';
import { apiOf } from './api/support';
import { Client5 } from './support/client5';
import { GuardedBroker } from './support/guarded-broker';
import { publishPacket, TextClient } from './support/text-client';

/**
 * Cost of each operation with a warm container, one subscriber and one packet per frame. The topic index costs one read for the list of
 * shapes, and one for each shape whose filters the container has not cached.
 */
describe('the bill', () => {
  let cloud: Cloud;
  let publisher: TextClient;
  let subscriber: TextClient;

  beforeAll(async () => {
    cloud = await startCloud({ containers: 1 });
    cloud.clock.hold(); // so that the bill contains no timers
    publisher = await TextClient.connect(cloud.gatewayUrl, 'publisher');
    subscriber = await TextClient.connect(cloud.gatewayUrl, 'subscriber');
    for (const qos of [0, 1, 2] as const) {
      subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `qos${qos}/+`, qos }] });
      await subscriber.next('suback');
    }
    for (const qos of [0, 1, 2] as const) await publish(qos);
  });

  beforeEach(async () => {
    await cloud.settled();
    await cloud.resetBill();
  });

  afterAll(() => cloud.stop());

  async function publish(qos: QoS): Promise<void> {
    publisher.send({
      cmd: 'publish',
      topic: `qos${qos}/a`,
      payload: 'x',
      qos,
      messageId: 9,
      dup: false,
      retain: false,
    });
    if (qos === 1) await publisher.next('puback');
    if (qos === 2) {
      await publisher.next('pubrec');
      publisher.send({ cmd: 'pubrel', messageId: 9 });
      await publisher.next('pubcomp');
    }
    const { messageId } = await subscriber.next('publish');
    if (qos === 1) subscriber.send({ cmd: 'puback', messageId });
    if (qos === 2) {
      subscriber.send({ cmd: 'pubrec', messageId });
      await subscriber.next('pubrel');
      subscriber.send({ cmd: 'pubcomp', messageId });
    }
    await cloud.settled();
  }

  it('of a QoS 0 publish to one subscriber is 2 reads and the index, 1 write and 1 post', async () => {
    await publish(0);

    const { dynamodb, gateway } = await cloud.bill();
    expect(dynamodb.reads).toBeLessThanOrEqual(2 + 1);
    expect(dynamodb.writes).toBeLessThanOrEqual(1);
    expect(gateway.posts).toBe(1);
  });

  it('of a QoS 1 publish to one QoS 1 subscriber is 5 reads and the index, 6 writes and 2 posts', async () => {
    await publish(1);

    const { dynamodb, gateway } = await cloud.bill();
    expect(dynamodb.reads).toBeLessThanOrEqual(5 + 1);
    expect(dynamodb.writes).toBeLessThanOrEqual(6);
    expect(gateway.posts).toBe(2);
  });

  it('of a QoS 2 publish to one QoS 2 subscriber is 9 reads and the index, 14 writes and 4 posts', async () => {
    await publish(2);

    const { dynamodb, gateway } = await cloud.bill();
    expect(dynamodb.reads).toBeLessThanOrEqual(9 + 1);
    expect(dynamodb.writes).toBeLessThanOrEqual(14);
    expect(gateway.posts).toBe(4);
  });

  it('of a PINGREQ is 1 write and 1 post', async () => {
    publisher.send({ cmd: 'pingreq' });
    await publisher.next('pingresp');
    await cloud.settled();

    const { dynamodb, gateway } = await cloud.bill();
    expect(dynamodb).toMatchObject({ reads: 0, writes: 1 });
    expect(gateway.posts).toBe(1);
  });

  it('of a clean CONNECT and its DISCONNECT is 3 reads, 6 writes and 1 post', async () => {
    const visitor = await TextClient.connect(cloud.gatewayUrl, 'visitor');
    await cloud.settled();
    visitor.send({ cmd: 'disconnect' });
    await visitor.closed();
    await cloud.settled();

    const { dynamodb, gateway } = await cloud.bill();
    expect(dynamodb.reads).toBeLessThanOrEqual(3);
    expect(dynamodb.writes).toBeLessThanOrEqual(6);
    expect(gateway.posts).toBe(1);
  });

  it('of a SUBSCRIBE to one filter without retained messages is 3 reads, 4 writes and 1 post', async () => {
    subscriber.send({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: 'one/filter', qos: 1 }] });
    await subscriber.next('suback');
    await cloud.settled();

    const { dynamodb, gateway } = await cloud.bill();
    expect(dynamodb.reads).toBeLessThanOrEqual(3);
    expect(dynamodb.writes).toBeLessThanOrEqual(4);
    expect(gateway.posts).toBe(1);
  });

  it('of ten QoS 0 publishes in one frame is one invocation, one commit and one post', async () => {
    const message = { cmd: 'publish', topic: 'qos0/a', payload: 'x', qos: 0, dup: false, retain: false } as const;
    publisher.send(...Array.from({ length: 10 }, () => message));
    for (let count = 0; count < 10; count++) await subscriber.next('publish');
    await cloud.settled();

    const { dynamodb, gateway, lambda } = await cloud.bill();
    expect(lambda.functions.onPackets.invocations).toBe(1);
    expect(dynamodb.writes).toBe(1);
    expect(gateway.posts).toBe(1);
  });

  it('of 32 small QoS 1 messages in one frame, acknowledged together, is a write unit for each of four bundles and for its deletion', async () => {
    const send = (messageId: number) =>
      ({ cmd: 'publish', topic: 'qos1/a', payload: 'x', qos: 1, messageId, dup: false, retain: false }) as const;
    publisher.send(...Array.from({ length: 32 }, (_, index) => send(index + 1)));
    const packetIds: (number | undefined)[] = [];
    for (let count = 0; count < 32; count++) packetIds.push((await subscriber.next('publish')).messageId);
    subscriber.send(...packetIds.map((messageId) => ({ cmd: 'puback', messageId }) as const));
    for (let count = 0; count < 32; count++) await publisher.next('puback');
    await cloud.settled();

    const { dynamodb, gateway } = await cloud.bill();
    expect(dynamodb.tables.inflight?.BatchWriteItem?.writes).toBe(4 + 4);
    expect(dynamodb.writes).toBeLessThanOrEqual(4 + 4 + 3);
    expect(gateway.posts).toBe(2);
  });

  it('of ten PUBACKs in one frame, of messages too large for a bundle, is a write for each, one commit and no read', async () => {
    const packetIds: (number | undefined)[] = [];
    for (let count = 0; count < 10; count++) {
      publisher.send(publishPacket('qos1/a', 'x'.repeat(600), { qos: 1, messageId: count + 1 }));
      await publisher.next('puback');
      packetIds.push((await subscriber.next('publish')).messageId);
    }
    await cloud.settled();
    await cloud.resetBill();
    subscriber.send(...packetIds.map((messageId) => ({ cmd: 'puback', messageId }) as const));
    await cloud.settled();

    expect((await cloud.bill()).dynamodb).toMatchObject({ reads: 0, writes: 11 });
  });

  it.each([
    [0, 2, 1],
    [1, 5, 6],
    [2, 9, 14],
  ] as const)('of a QoS %i publish of MQTT 5.0 with five user properties is no more', async (qos, reads, writes) => {
    const open = async (clientId: string) => {
      const client = new Client5(await TextClient.open(cloud.gatewayUrl));
      await client.connect(clientId);
      return client;
    };
    const [from, to] = [await open(`from-${qos}`), await open(`to-${qos}`)];
    const topic = `five${qos}/a`;
    const userProperties = { a: '1', b: '2', c: '3', d: ['4', '5'] };
    await to.subscribe({ topic, qos });
    const transfer = async () => {
      const [heard] = await Promise.all([to.hear(), publishOnce()]);
      await cloud.settled();
      return heard;
    };
    const publishOnce = async () => {
      const messageId = qos > 0 ? { messageId: 9 } : {};
      from.send({ ...publishPacket(topic, 'x', { qos }), ...messageId, properties: { userProperties } });
      if (qos === 1) await from.next('puback');
      if (qos < 2) return;
      await from.next('pubrec');
      from.send({ cmd: 'pubrel', messageId: 9 });
      await from.next('pubcomp');
    };
    for (let warm = 0; warm < 2; warm++) await transfer(); // the first one uses an older list of shapes
    await cloud.resetBill();

    expect((await transfer()).properties).toMatchObject({ userProperties });
    const { dynamodb } = await cloud.bill();
    expect(dynamodb.reads).toBeLessThanOrEqual(reads + 1);
    expect(dynamodb.writes).toBeLessThanOrEqual(writes);
  });
});

describe('the bill of the API', () => {
  let cloud: Cloud;
  let subscriber: TextClient;
  let publisher: TextClient;

  beforeAll(async () => {
    cloud = await startCloud({ containers: 1 });
    cloud.clock.hold(); // so that the bill contains no timers
    publisher = await TextClient.connect(cloud.gatewayUrl, 'publisher');
    subscriber = await TextClient.connect(cloud.gatewayUrl, 'subscriber');
    for (const qos of [0, 1, 2] as const) await subscriber.subscribe(qos, `qos${qos}/+`);
  });

  afterAll(() => cloud.stop());

  /** Returns the bill of the publishing side; the subscriber acknowledges after it has been read. */
  async function billOf(publish: () => Promise<unknown>) {
    let bill = await cloud.bill();
    for (let warm = 0; warm < 3; warm++) {
      await cloud.settled();
      await cloud.resetBill();
      await publish();
      await cloud.settled();
      bill = await cloud.bill();
      await subscriber.hear();
    }
    return bill;
  }

  it.each([0, 1] as const)('of a QoS %i publish is that of a client without its connection', async (qos) => {
    const topic = `qos${qos}/a`;
    const byClient = await billOf(async () => {
      publisher.send(publishPacket(topic, 'x', { qos, ...(qos > 0 && { messageId: 9 }) }));
      if (qos === 1) await publisher.next('puback');
    });
    const byApi = await billOf(() => apiOf(cloud).publish({ topic, payload: 'x', qos }));

    const connection = { reads: 1, writes: 1 }; // one read, one commit
    expect(byApi.dynamodb.reads).toBe(byClient.dynamodb.reads - connection.reads);
    expect(byApi.dynamodb.writes).toBe(byClient.dynamodb.writes - connection.writes);
    expect(byApi.gateway.posts).toBe(1);
    expect(byApi.sqs.requests).toBe(0);
    expect(byApi.api.requests).toBe(1);
  });

  it('of a QoS 2 publish is 3 reads and 3 writes, because it is routed at once', async () => {
    const { dynamodb, gateway } = await billOf(() => apiOf(cloud).publish({ topic: 'qos2/a', payload: 'x', qos: 2 }));

    expect(dynamodb.reads).toBeLessThanOrEqual(3);
    expect(dynamodb.writes).toBeLessThanOrEqual(3);
    expect(gateway.posts).toBe(1);
  });

  it('of an Idempotency-Key is 2 writes, and of a repetition 1 write and 1 read', async () => {
    const send = () => apiOf(cloud).publish({ topic: 'nobody/hears', payload: 'x' }, { idempotencyKey: 'k' });
    await cloud.settled();
    await cloud.resetBill();
    await send();
    expect((await cloud.bill()).dynamodb).toMatchObject({ reads: 1, writes: 2 });

    await cloud.resetBill();
    await send();
    expect((await cloud.bill()).dynamodb).toMatchObject({ reads: 1, writes: 1 });
  });

  it('of a hundred QoS 0 messages in a batch is one read of the shapes, one of the session item, and one post', async () => {
    const batch = Array.from({ length: 100 }, (_, index) => ({ topic: 'qos0/a', payload: `${index}` }));
    await apiOf(cloud).publishAll(batch);
    await cloud.settled();
    await cloud.resetBill();
    await apiOf(cloud).publishAll(batch);

    const { dynamodb, gateway } = await cloud.bill();
    expect(dynamodb).toMatchObject({ reads: 2, writes: 0 });
    expect(gateway.posts).toBe(1);
  });

  it('of a page of clients is half a read unit for 4 KB of the table', async () => {
    await apiOf(cloud).clientPage();
    await cloud.resetBill();
    await apiOf(cloud).clientPage();

    expect((await cloud.bill()).dynamodb).toMatchObject({ reads: 0.5, writes: 0 });
  });
});

describe('the bill of users with rules', () => {
  let guarded: GuardedBroker;

  beforeAll(async () => {
    guarded = await GuardedBroker.start({}, { containers: 1 });
    guarded.cloud.clock.hold();
    const rules = [{ actions: ['publish', 'subscribe'], topics: ['home/+/#', 'shared/#'] }] as const;
    for (const name of ['ann', 'ben']) await guarded.addUser(name, 'secret', { rules });
  });

  afterAll(() => guarded.stop());

  const login = (username: string) => ({ username, password: Buffer.from('secret') });

  it('of a login is one more read each for the account, its failed logins and its rules', async () => {
    await guarded.cloud.settled();
    await guarded.cloud.resetBill();
    await guarded.broker.connect('visitor', login('ann'));
    await guarded.cloud.settled();

    const { dynamodb } = await guarded.cloud.bill();
    expect(dynamodb.tables.accounts).toMatchObject({ BatchGetItem: { calls: 2 } });
    expect(dynamodb.reads).toBeLessThanOrEqual(3 + 4);
    expect(dynamodb.writes).toBeLessThanOrEqual(4);
  });

  it.each([
    [0, 2, 1],
    [1, 5, 6],
  ] as const)('of a QoS %i publish from one to the other is no more than without', async (qos, reads, writes) => {
    const [from, to] = [
      await guarded.broker.connect(`from-${qos}`, login('ann')),
      await guarded.broker.connect(`to-${qos}`, login('ben')),
    ];
    const topic = `shared/${qos}`;
    await to.subscribe({ topic, qos });
    const transfer = async () => {
      from.send({ ...publishPacket(topic, 'x', { qos }), ...(qos > 0 && { messageId: 9 }) });
      if (qos === 1) await from.next('puback');
      await to.hear();
      await guarded.cloud.settled();
    };
    for (let warm = 0; warm < 2; warm++) await transfer();
    await guarded.cloud.resetBill();
    await transfer();

    const { dynamodb } = await guarded.cloud.bill();
    expect(dynamodb.reads).toBeLessThanOrEqual(reads + 1);
    expect(dynamodb.writes).toBeLessThanOrEqual(writes);
    expect(dynamodb.tables.accounts).toBeUndefined();
  });
});

describe('the bill of retained messages', () => {
  let cloud: Cloud;
  let publisher: TextClient;
  let subscriber: TextClient;
  let visitors = 0;

  beforeAll(async () => {
    cloud = await startCloud({ containers: 1 });
    cloud.clock.hold(); // so that the bill contains no timers
    publisher = await TextClient.connect(cloud.gatewayUrl, 'publisher');
    subscriber = await TextClient.connect(cloud.gatewayUrl, 'subscriber');
    for (const qos of [0, 1, 2] as const) await subscriber.subscribe(qos, `qos${qos}/+`);
    for (const qos of [0, 1, 2, 0, 1, 2] as const) await transfer(qos, 'x');
  });

  afterAll(() => cloud.stop());

  async function transfer(qos: QoS, payload: string): Promise<void> {
    const topic = `qos${qos}/a`;
    if (qos > 0) await publisher.publish(topic, payload, { qos, retain: true });
    else publisher.send(publishPacket(topic, payload, { retain: true }));
    await subscriber.hear();
    await cloud.settled();
  }

  async function costOf(work: () => Promise<unknown>) {
    await cloud.settled();
    await cloud.resetBill();
    await work();
    await cloud.settled();
    const { dynamodb, gateway } = await cloud.bill();
    return { reads: dynamodb.reads, writes: dynamodb.writes, posts: gateway.posts };
  }

  async function subscribe(qos: QoS, topic: string): Promise<void> {
    visitors += 1;
    const visitor = await TextClient.connect(cloud.gatewayUrl, `visitor ${visitors}`);
    await cloud.settled();
    await cloud.resetBill();
    await visitor.subscribe(qos, topic);
    await visitor.next('publish');
  }

  it.each([
    [0, 2, 1],
    [1, 5, 6],
    [2, 9, 14],
  ] as const)(
    'of a QoS %i publish is two writes and a read more than of one that is not retained',
    async (qos, reads, writes) => {
      const cost = await costOf(() => transfer(qos, 'y'));

      expect(cost.reads).toBeLessThanOrEqual(reads + 1 + 1);
      expect(cost.writes).toBeLessThanOrEqual(writes + 2);
    },
  );

  it('of a removal is two writes more than of an update, and two more for the last message of its first level', async () => {
    for (const topic of ['gone/a', 'gone/b']) await publisher.publish(topic, 'x', { qos: 1, retain: true });
    const update = await costOf(() => publisher.publish('gone/a', 'y', { qos: 1, retain: true }));
    const removal = await costOf(() => publisher.publish('gone/a', '', { qos: 1, retain: true }));
    const last = await costOf(() => publisher.publish('gone/b', '', { qos: 1, retain: true }));

    expect(removal).toEqual({ ...update, writes: update.writes + 2 }); // one of them updates the count of its account
    expect(last.writes).toBe(removal.writes + 2);
    expect(last.reads).toBeLessThanOrEqual(removal.reads + 2);
  });

  it('of a publish by a backend is three writes and a read more; one write ends it', async () => {
    const send = (retain: boolean) => () =>
      apiOf(cloud).publish({ topic: 'nobody/hears', payload: 'x', qos: 1, retain });
    await send(true)();
    const transient = await costOf(send(false));

    expect(await costOf(send(true))).toEqual({ ...transient, reads: transient.reads + 1, writes: 3 });
  });

  it.each([
    [0, 4, 4, 1],
    [1, 6, 7, 2],
    [2, 6 + 2, 8, 2], // a new write: two reads check if it has ended and if it was routed to this session
  ] as const)(
    'of a SUBSCRIBE at QoS %i that finds a message is %i reads, %i writes and %i posts',
    async (qos, reads, writes, posts) => {
      const cost = await costOf(() => subscribe(qos, `qos${qos}/a`));

      expect(cost.reads).toBeLessThanOrEqual(reads);
      expect(cost.writes).toBeLessThanOrEqual(writes);
      expect(cost.posts).toBe(posts);
    },
  );

  it('of a SUBSCRIBE at QoS 0 that finds a hundred messages is two reads of their pages', async () => {
    for (let count = 0; count < 100; count++) await publisher.publish(`many/${count}`, 'x', { retain: true });
    const cost = await costOf(() => subscribe(0, 'many/+'));

    expect(cost.reads).toBeLessThanOrEqual(2 + 2 * 5);
    expect(cost).toMatchObject({ writes: 4, posts: 1 });
  });
});
