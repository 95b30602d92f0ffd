/*
 * Proved elsewhere:
 *   test/protocol: packet ids and flags of received packets [v3 MQTT-2.3.1-1], [v3 MQTT-2.3.1-5], [v3 MQTT-3.3.1-2], [v3 MQTT-3.3.1-4]
 *   session.test.ts: messages for a client that is away
 * Not proved here: a worker that dies between two steps: test/faults and the executable model.
 * The client's duty: [v3 MQTT-2.3.1-2], [v3 MQTT-4.3.1-1] for what it sends.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { QoS } from 'mqtt-packet';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

const levels: readonly QoS[] = [0, 1, 2];

describe('quality of service', () => {
  let broker: TestBroker;
  let publisher: TextClient;

  beforeAll(async () => {
    broker = await TestBroker.start();
    publisher = await broker.connect('publisher');
  });

  afterAll(() => broker.stop());

  for (const granted of levels) {
    clause(
      'v3 MQTT-3.8.4-6',
      `granted as ${granted} delivers at no more than ${granted}, nor than published`,
      async () => {
        const subscriber = await broker.connect(`granted ${granted}`);
        expect(await subscriber.subscribe(granted, `to/${granted}`)).toEqual([granted]);
        for (const published of levels) {
          await publisher.publish(`to/${granted}`, `at ${published}`, { qos: published });

          const qos = Math.min(granted, published);
          expect(await subscriber.hear()).toMatchObject({ text: `at ${published}`, qos, dup: false, retain: false });
        }
        expect(await broker.heardBy(subscriber)).toEqual([]);
      },
    );
  }

  describe('1 to a subscriber', () => {
    clause('v3 MQTT-4.4.0-1', 'is sent again with DUP and its old packet id after a reconnect', async () => {
      const { first, client: again } = await interrupted('once more', 1, async () => {});
      const second = await again.next('publish');

      expect(first).toMatchObject({ qos: 1, dup: false });
      expect(second).toMatchObject({ qos: 1, dup: true, messageId: first.messageId, payload: first.payload });
    });

    clause('v3 MQTT-4.3.2-1', 'is sent again until it is acknowledged, and not afterwards', async () => {
      const { client } = await interrupted('until acknowledged', 1, async () => {});
      await client.hear();
      await client.ping();
      await broker.lose(client);

      expect(await broker.heardBy(await broker.resume('until acknowledged'))).toEqual([]);
    });

    clause('v3 MQTT-4.4.0-1', 'is not sent again on the connection it was sent on', async () => {
      const client = await broker.resume('patient');
      await client.subscribe(1, 'patient');
      await publisher.publish('patient', 'one', { qos: 1 });
      await client.next('publish');
      await publisher.publish('patient', 'two', { qos: 1 });
      expect(await client.next('publish')).toMatchObject({ dup: false });

      expect(await broker.heardBy(client)).toEqual([]);
    });

    clause('v3 MQTT-4.6.0-1', 'is sent again in the order it was first sent', async () => {
      const client = await broker.resume('ordered');
      await client.subscribe(1, 'ordered/#');
      for (let count = 1; count <= 6; count++) await publisher.publish('ordered/a', String(count), { qos: 1 });
      for (let count = 1; count <= 6; count++) {
        const message = await client.next('publish');
        if (count % 2 === 0) await client.acknowledge(message); // out of order, as a client may
      }
      await client.ping();
      await broker.lose(client);
      const again = await broker.resume('ordered');

      expect((await broker.heardBy(again)).map(({ text, dup }) => [text, dup])).toEqual([
        ['1', true],
        ['3', true],
        ['5', true],
      ]);
    });

    clause('v3 MQTT-4.4.0-1', 'is kept if it was posted to a closed socket', async () => {
      const before = await broker.resume('gone');
      await before.subscribe(1, 'gone');
      await broker.cloud.faults.set({ fault: 'lose-disconnect', times: 1 });
      await broker.lose(before);
      await publisher.publish('gone', 'one', { qos: 1 });
      await broker.cloud.settled();
      await publisher.publish('gone', 'two', { qos: 1 });
      await broker.cloud.faults.clear();
      const after = await broker.resume('gone');

      expect(await after.hear()).toMatchObject({ text: 'one', dup: true });
      expect(await after.hear()).toMatchObject({ text: 'two', dup: false });
    });
  });

  describe('2 to a subscriber', () => {
    clause('v3 MQTT-4.4.0-1', 'is sent again with DUP and its old packet id before PUBREC', async () => {
      const { first, client } = await interrupted('before PUBREC', 2, async () => {});
      const second = await client.next('publish');

      expect(second).toMatchObject({ qos: 2, dup: true, messageId: first.messageId, payload: first.payload });
      await client.acknowledge(second);
    });

    clause('v3 MQTT-4.3.3-1', 'is never sent again after PUBREC: PUBREL is, under its old packet id', async () => {
      const { first, client } = await interrupted('after PUBREC', 2, async (receiver, messageId) => {
        receiver.send({ cmd: 'pubrec', messageId });
        await receiver.next('pubrel');
      });
      expect(await client.next('pubrel')).toMatchObject({ messageId: first.messageId });
      client.send({ cmd: 'pubcomp', messageId: first.messageId });

      expect(await broker.heardBy(client)).toEqual([]);
      await broker.lose(client);
      const third = await broker.resume('after PUBREC');
      await third.ping();
      expect(third.rest()).toEqual([]);
    });

    clause('v3 MQTT-4.3.3-1', 'is not sent again if PUBREC was the last packet of its connection', async () => {
      const client = await broker.resume('last word');
      await client.subscribe(2, 'last word');
      await publisher.publish('last word', 'hello', { qos: 2 });
      const { messageId } = await client.next('publish');
      client.send({ cmd: 'pubrec', messageId }, { cmd: 'disconnect' });
      await client.closed();
      const again = await broker.resume('last word');

      expect(await again.next('pubrel')).toMatchObject({ messageId });
      expect(await broker.heardBy(again)).toEqual([]);
    });

    clause('v3 MQTT-4.3.3-1', 'gets PUBREL for each PUBREC, also for a repeated one', async () => {
      const client = await broker.resume('doubtful');
      await client.subscribe(2, 'doubtful');
      await publisher.publish('doubtful', 'hello', { qos: 2 });
      const { messageId } = await client.next('publish');
      for (let count = 0; count < 2; count++) {
        client.send({ cmd: 'pubrec', messageId });
        expect(await client.next('pubrel')).toMatchObject({ messageId });
      }
      client.send({ cmd: 'pubcomp', messageId });
      await client.ping();
    });
  });

  describe('1 from a publisher', () => {
    clause(['v3 MQTT-4.3.2-2', 'v3 MQTT-3.3.4-1'], 'is acknowledged under its packet id', async () => {
      publisher.send(publishPacket('nobody', 'x', { qos: 1, messageId: 65535 }));

      expect(await publisher.next('puback')).toMatchObject({ messageId: 65535 });
    });

    clause('v3 MQTT-4.3.2-2', 'is a new message when its packet id is used again after PUBACK', async () => {
      const subscriber = await broker.connect('reader');
      await subscriber.subscribe(1, 'reused');
      await publisher.publish('reused', 'one', { qos: 1, messageId: 7 });
      await publisher.publish('reused', 'two', { qos: 1, messageId: 7 });

      expect((await broker.heardBy(subscriber)).map(({ text }) => text)).toEqual(['one', 'two']);
    });

    clause('v3 MQTT-3.3.1-3', 'reaches subscribers without the DUP of its publisher', async () => {
      const subscriber = await broker.connect('reader');
      await subscriber.subscribe(1, 'repeated');
      await publisher.publish('repeated', 'x', { qos: 1, dup: true });

      expect(await subscriber.hear()).toMatchObject({ dup: false });
    });
  });

  clause(
    ['v3 MQTT-4.6.0-2', 'v3 MQTT-4.6.0-3'],
    'is acknowledged in the order of its publishing, over many frames',
    async () => {
      const ids = Array.from({ length: 24 }, (_, index) => 500 - index);
      for (const messageId of ids)
        publisher.send(publishPacket('nobody', 'x', { qos: messageId % 2 ? 1 : 2, messageId }));
      await publisher.ping();
      const answers = publisher.rest() as { cmd: string; messageId: number }[];
      for (const messageId of ids) if (messageId % 2 === 0) publisher.send({ cmd: 'pubrel', messageId });
      await publisher.ping();
      publisher.rest();

      const idsOf = (wanted: string) => answers.filter(({ cmd }) => cmd === wanted).map(({ messageId }) => messageId);
      expect(idsOf('puback')).toEqual(ids.filter((id) => id % 2 === 1));
      expect(idsOf('pubrec')).toEqual(ids.filter((id) => id % 2 === 0));
    },
  );

  clause('v3 MQTT-4.6.0-4', 'sends PUBRELs in the order of the PUBRECs', async () => {
    const subscriber = await broker.connect('reader');
    await subscriber.subscribe(2, 'backwards');
    for (let count = 0; count < 12; count++) await publisher.publish('backwards', String(count), { qos: 2 });
    const ids: (number | undefined)[] = [];
    for (let count = 0; count < 12; count++) ids.unshift((await subscriber.next('publish')).messageId);
    for (const messageId of ids) subscriber.send({ cmd: 'pubrec', messageId });
    const released: (number | undefined)[] = [];
    for (const _ of ids) released.push((await subscriber.next('pubrel')).messageId);

    expect(released).toEqual(ids);
  });

  describe('2 from a publisher', () => {
    clause(['v3 MQTT-4.3.3-2', 'v3 MQTT-3.3.4-1'], 'is delivered once, after PUBREL', async () => {
      const subscriber = await broker.connect('reader');
      await subscriber.subscribe(2, 'exactly');
      publisher.send(publishPacket('exactly', 'x', { qos: 2, messageId: 8 }));
      await publisher.next('pubrec');
      expect(await broker.heardBy(subscriber)).toEqual([]);
      publisher.send({ cmd: 'pubrel', messageId: 8 });
      await publisher.next('pubcomp');

      expect(await subscriber.hear()).toMatchObject({ text: 'x', qos: 2 });
    });

    clause('v3 MQTT-4.3.3-2', 'is delivered once, however often it is repeated before PUBREL', async () => {
      const subscriber = await broker.connect('reader');
      await subscriber.subscribe(2, 'insistent');
      for (const dup of [false, true, true]) {
        publisher.send(publishPacket('insistent', 'x', { qos: 2, messageId: 9, dup }));
        expect(await publisher.next('pubrec')).toMatchObject({ messageId: 9 });
      }
      publisher.send({ cmd: 'pubrel', messageId: 9 }, { cmd: 'pubrel', messageId: 9 });
      await publisher.next('pubcomp');
      await publisher.next('pubcomp');

      expect(await broker.heardBy(subscriber)).toHaveLength(1);
    });

    clause('v3 MQTT-4.3.3-2', 'is delivered once if it is repeated on the next connection', async () => {
      const subscriber = await broker.connect('reader');
      await subscriber.subscribe(2, 'stubborn');
      const before = await broker.resume('stubborn');
      before.send(publishPacket('stubborn', 'x', { qos: 2, messageId: 9 }));
      await before.next('pubrec');
      await broker.lose(before);
      const after = await broker.resume('stubborn');
      after.send(publishPacket('stubborn', 'x', { qos: 2, messageId: 9, dup: true }));
      await after.next('pubrec');
      after.send({ cmd: 'pubrel', messageId: 9 });
      await after.next('pubcomp');

      expect(await broker.heardBy(subscriber)).toHaveLength(1);
    });

    clause('v3 MQTT-4.3.3-2', 'is delivered once if only PUBREL comes on the next connection, twice', async () => {
      const subscriber = await broker.connect('reader');
      await subscriber.subscribe(2, 'released');
      const before = await broker.resume('releaser');
      before.send(publishPacket('released', 'x', { qos: 2, messageId: 9 }));
      await before.next('pubrec');
      await broker.lose(before);
      for (let count = 0; count < 2; count++) {
        const after = await broker.resume('releaser');
        after.send({ cmd: 'pubrel', messageId: 9 });
        await after.next('pubcomp');
        await broker.lose(after);
      }

      expect(await broker.heardBy(subscriber)).toHaveLength(1);
    });

    clause('v3 MQTT-3.1.2-6', 'ends with its session: the same packet id is then another message', async () => {
      const subscriber = await broker.connect('reader');
      await subscriber.subscribe(2, 'forgotten');
      const before = await broker.resume('forgetter');
      before.send(publishPacket('forgotten', 'old', { qos: 2, messageId: 9 }));
      await before.next('pubrec');
      await broker.lose(before);
      const after = await broker.connect('forgetter');
      after.send({ cmd: 'pubrel', messageId: 9 });
      await after.next('pubcomp');
      await after.publish('forgotten', 'new', { qos: 2, messageId: 9 });

      expect((await broker.heardBy(subscriber)).map(({ text }) => text)).toEqual(['new']);
    });

    clause('v3 MQTT-4.3.3-2', 'is a new message when its packet id is used again after PUBCOMP', async () => {
      const subscriber = await broker.connect('reader');
      await subscriber.subscribe(2, 'reused');
      await publisher.publish('reused', 'one', { qos: 2, messageId: 7 });
      await publisher.publish('reused', 'two', { qos: 2, messageId: 7 });

      expect(await subscriber.hear()).toMatchObject({ text: 'one' });
      expect(await subscriber.hear()).toMatchObject({ text: 'two' });
    });

    clause('v3 MQTT-4.3.3-2', 'completes its handshake twice in one frame', async () => {
      const subscriber = await broker.connect('reader');
      await subscriber.subscribe(1, 'pipelined');
      publisher.send(
        publishPacket('pipelined', 'one', { qos: 2, messageId: 7 }),
        { cmd: 'pubrel', messageId: 7 },
        publishPacket('pipelined', 'two', { qos: 2, messageId: 7 }),
        { cmd: 'pubrel', messageId: 7 },
      );
      for (const answer of ['pubrec', 'pubcomp', 'pubrec', 'pubcomp'] as const) await publisher.next(answer);

      expect((await broker.heardBy(subscriber)).map(({ text }) => text)).toEqual(['one', 'two']);
    });

    clause('v3 MQTT-4.6.0-3', 'is delivered in the order of PUBREL', async () => {
      const subscriber = await broker.connect('reader');
      await subscriber.subscribe(1, 'release/#');
      publisher.send(
        ...[1, 2, 3].map((messageId) => publishPacket('release/a', String(messageId), { qos: 2, messageId })),
      );
      for (const messageId of [1, 2, 3]) expect(await publisher.next('pubrec')).toMatchObject({ messageId });
      publisher.send(...[1, 2, 3].map((messageId) => ({ cmd: 'pubrel', messageId }) as const));
      for (const messageId of [1, 2, 3]) expect(await publisher.next('pubcomp')).toMatchObject({ messageId });

      expect((await broker.heardBy(subscriber)).map(({ text }) => text)).toEqual(['1', '2', '3']);
    });
  });

  describe('of unknown packet ids', () => {
    clause(
      'v3 MQTT-4.3.3-2',
      'responds to PUBREL with PUBCOMP, or the client would repeat it without end',
      async () => {
        publisher.send({ cmd: 'pubrel', messageId: 4711 });

        expect(await publisher.next('pubcomp')).toMatchObject({ messageId: 4711 });
      },
    );

    it('responds to PUBREC with PUBREL', async () => {
      publisher.send({ cmd: 'pubrec', messageId: 4711 });

      expect(await publisher.next('pubrel')).toMatchObject({ messageId: 4711 });
    });

    it('ignores PUBACK and PUBCOMP, and keeps messages in flight', async () => {
      const client = await broker.resume('confused');
      await client.subscribe(2, 'confused');
      await publisher.publish('confused', 'at 1', { qos: 1 });
      await publisher.publish('confused', 'at 2', { qos: 2 });
      const [one, two] = [await client.next('publish'), await client.next('publish')];
      client.send(
        { cmd: 'puback', messageId: 4711 },
        { cmd: 'pubcomp', messageId: 4712 },
        { cmd: 'pubrec', messageId: 4713 },
      );
      await client.next('pubrel');
      await broker.lose(client);
      const again = await broker.resume('confused');

      expect(await again.next('publish')).toMatchObject({ messageId: one.messageId, dup: true });
      expect(await again.next('publish')).toMatchObject({ messageId: two.messageId, dup: true });
    });
  });

  clause('v3 MQTT-4.6.0-5', 'keeps the order of one topic at each QoS for a connected client', async () => {
    const subscriber = await broker.connect('reader');
    await subscriber.subscribe(2, 'mixed/#');
    for (const qos of levels) {
      const packets = Array.from({ length: 12 }, (_, count) =>
        publishPacket(`mixed/${qos}`, String(count), { qos, messageId: 100 + count }),
      );
      for (const packet of packets) publisher.send(packet);
      if (qos === 2) for (const { messageId } of packets) publisher.send({ cmd: 'pubrel', messageId });
      const order: string[] = [];
      for (const _ of packets) order.push((await subscriber.hear()).text);
      expect(order).toEqual(packets.map(({ payload }) => payload));
      await publisher.ping();
      publisher.rest();
    }
  });

  clause('v3 MQTT-2.3.1-4', 'gives every message in flight its own packet id', async () => {
    const subscriber = await broker.connect('reader');
    await subscriber.subscribe(2, 'many');
    await Promise.all(Array.from({ length: 20 }, (_, count) => publisher.publish('many', String(count), { qos: 1 })));
    await broker.cloud.settled();
    const ids = new Set<number | undefined>();
    for (let count = 0; count < 20; count++) ids.add((await subscriber.next('publish')).messageId);

    expect(ids.size).toBe(20);
  });

  /** A subscriber that gets one message, responds to it, loses its connection and connects again. */
  async function interrupted(
    clientId: string,
    qos: 1 | 2,
    meanwhile: (client: TextClient, messageId: number | undefined) => Promise<void>,
  ) {
    const before = await broker.resume(clientId);
    await before.subscribe(qos, clientId);
    await publisher.publish(clientId, 'hello', { qos });
    const first = await before.next('publish');
    await meanwhile(before, first.messageId);
    await broker.lose(before);
    return { first, client: await broker.resume(clientId) };
  }
});
