import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Packet } from 'mqtt-packet';
import { Broker5 } from '../../support/broker5';
import { publishPacket } from '../../support/client5';

const tooFast = 0x96;

const subscribeTo = (topic: string, messageId: number): Packet => ({
  cmd: 'subscribe',
  messageId,
  subscriptions: [{ topic, qos: 1 }],
});

/** A SUBSCRIBE, then a message for it, so many times: each has to wait for the one before. */
function alternating(count: number): Packet[] {
  return Array.from({ length: count }, (_, index) => [
    subscribeTo(`alternating/${index}`, 2 * index + 1),
    publishPacket(`alternating/${index}`, `message ${index}`, { qos: 1, messageId: 2 * index + 2 }),
  ]).flat();
}

/** The worker dies when it commits a turn. */
const dying = { fault: 'call', operation: 'UpdateItem', table: 'connections', outcome: 'kill', times: 1 } as const;

describe('a turn', () => {
  let broker: Broker5;

  beforeAll(async () => {
    broker = await Broker5.start({ visibilitySeconds: 1 });
  });

  afterAll(() => broker.stop());

  it('leaves to the next event what has to wait for too much, and loses nothing of it', async () => {
    const client = await broker.connect('alternates');
    await broker.cloud.resetBill();
    client.send(...alternating(20));
    for (let index = 0; index < 20; index++) {
      expect((await client.hear()).text).toBe(`message ${index}`);
      await client.next('suback');
      await client.next('puback');
    }

    const { lambda } = await broker.cloud.bill();
    expect(lambda.functions.onPackets.invocations).toBeGreaterThan(5);
    await broker.leave(client);
  });

  it('goes on where it was when its worker dies with the rest still to do', async () => {
    const client = await broker.connect('alternates-dying');
    await broker.cloud.faults.set({ ...dying, when: 'before', skip: 1 }, { ...dying, when: 'after', skip: 4 });
    client.send(...alternating(20));
    const heard = new Set<string>();
    while (heard.size < 20) heard.add((await client.hear()).text);
    await broker.cloud.faults.clear();

    expect([...heard]).toEqual(Array.from({ length: 20 }, (_, index) => `message ${index}`));
    await broker.leave(client);
  });

  it.each([0, 1, 2, 3])(
    'routes no QoS 2 message twice when its worker dies over the rest, at commit %s',
    async (skip) => {
      const away = await broker.resume(`away-${skip}`);
      await away.subscribe({ topic: `once-${skip}/+`, qos: 2 });
      await broker.leave(away);
      const client = await broker.connect('releases');
      await broker.cloud.faults.set({ ...dying, when: 'before', skip });
      const packets = Array.from({ length: 20 }, (_, index): Packet[] => [
        subscribeTo('elsewhere', 100 + index),
        publishPacket(`once-${skip}/${index}`, `message ${index}`, { qos: 2, messageId: index + 1 }),
        { cmd: 'pubrel', messageId: index + 1 },
      ]);
      client.send(...packets.flat());
      const completed = new Set<number>();
      while (completed.size < 20) completed.add((await client.next('pubcomp')).messageId ?? 0);
      await broker.cloud.faults.clear();
      const back = await broker.resume(`away-${skip}`);

      expect((await broker.heardBy(back)).map(({ text }) => text)).toEqual(
        Array.from({ length: 20 }, (_, index) => `message ${index}`),
      );
      await Promise.all([broker.leave(client), broker.leave(back)]);
    },
  );

  it('reads once what earlier connections of a resumed session have left, however many PUBRELs name nothing', async () => {
    await broker.leave(await broker.resume('releases-nothing'));
    const client = await broker.resume('releases-nothing');
    await broker.cloud.settled();
    await broker.cloud.resetBill();
    client.send(...Array.from({ length: 500 }, (_, index) => ({ cmd: 'pubrel', messageId: index + 1 }) as const));
    for (let index = 0; index < 500; index++) await client.next('pubcomp');
    await broker.cloud.settled();

    expect((await broker.cloud.bill()).dynamodb.calls).toBeLessThan(20);
    await broker.leave(client);
  });

  it('leaves messages beyond so many to the next one, in their order', async () => {
    const [client, subscriber] = [await broker.connect('many'), await broker.connect('hears-many')];
    await subscriber.subscribe({ topic: 'many/+', qos: 0 });
    client.send(...Array.from({ length: 3000 }, (_, index) => publishPacket(`many/${index % 3}`, String(index))));
    for (let index = 0; index < 3000; index++) expect((await subscriber.hear()).text).toBe(String(index));

    await Promise.all([broker.leave(client), broker.leave(subscriber)]);
  });

  it('brings the retained messages of a filter once, however often it names the filter', async () => {
    const client = await broker.connect('names-often');
    await client.publish('often/a', 'retained', { retain: true, qos: 1 });
    client.send(...Array.from({ length: 50 }, (_, index) => subscribeTo('often/+', index + 1)));
    for (let index = 0; index < 50; index++) expect((await client.next('suback')).granted).toEqual([1]);
    await client.ping();

    expect(client.rest().filter(({ cmd }) => cmd === 'publish')).toHaveLength(1);
    await broker.leave(client);
  });
});

describe('control packets beyond maxControlRate', () => {
  let broker: Broker5;

  beforeAll(async () => {
    broker = await Broker5.start({ settings: { maxControlRate: 2 } });
  });

  afterAll(() => broker.stop());

  const pingreqs = (count: number) => Array.from({ length: count }, () => ({ cmd: 'pingreq' }) as const);

  it('end the connection with 0x96', async () => {
    const client = await broker.connect('pings');
    client.send(...pingreqs(21));

    expect((await client.next('disconnect')).reasonCode).toBe(tooFast);
    await client.closed();
  });

  it('are counted over several turns, and forgotten with time', async () => {
    const client = await broker.connect('pings-slowly');
    for (let turn = 0; turn < 3; turn++) {
      client.send(...pingreqs(18));
      await client.next('pingresp');
      await broker.cloud.settled();
      broker.cloud.clock.jump(9_000);
    }
    client.send(...pingreqs(18));
    await client.next('pingresp');
    await broker.cloud.settled();
    client.send(...pingreqs(10));

    expect((await client.next('disconnect')).reasonCode).toBe(tooFast);
  });
});
