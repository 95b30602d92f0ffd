import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { Broker5 } from '../support/broker5';
import { clause } from '../support/clause';
import { type Client5, publishPacket } from '../support/client5';

type Acknowledgement = 'puback' | 'pubrec' | 'pubcomp';

/** QoS of a message, the state of its handshake, and packets that must not follow. */
const wrong: readonly (readonly [qos: 1 | 2, isReceived: boolean, cmd: Acknowledgement, reasonCode?: number])[] = [
  [1, false, 'pubrec'],
  [1, false, 'pubrec', 0x87],
  [1, false, 'pubcomp'],
  [2, false, 'puback'],
  [2, false, 'puback', 0x97],
  [2, false, 'pubcomp'],
  [2, true, 'puback'],
];

describe('an acknowledgement of the wrong kind', () => {
  let broker: Broker5;
  let publisher: Client5;

  beforeAll(async () => {
    broker = await Broker5.start();
    publisher = await broker.connect('publisher');
  });

  afterAll(() => broker.stop());

  /** A client of MQTT 5.0 that has got one message and, where `received`, has sent PUBREC. */
  async function receiving(topic: string, qos: 1 | 2, isReceived: boolean) {
    const client = await broker.resume(topic);
    await client.subscribe({ topic, qos });
    await publisher.publish(topic, 'hello', { qos });
    const { messageId = 0 } = await client.next('publish');
    if (isReceived) client.send({ cmd: 'pubrec', messageId });
    if (isReceived) await client.next('pubrel');
    return { client, messageId };
  }

  /** The client gets unacknowledged messages on its next connection, and nothing after that. */
  async function expectAgain(topic: string, messageId: number, isReceived: boolean): Promise<void> {
    const again = await broker.resume(topic);
    if (isReceived) {
      expect(await again.next('pubrel')).toMatchObject({ messageId });
      again.send({ cmd: 'pubcomp', messageId });
    } else {
      const packet = await again.next('publish');
      expect(packet).toMatchObject({ messageId, dup: true, payload: Buffer.from('hello') });
      await again.acknowledge(packet);
    }
    await again.ping();
    await broker.lose(again);
    expect(await broker.heardBy(await broker.resume(topic))).toEqual([]);
  }

  for (const [qos, isReceived, cmd, reasonCode] of wrong) {
    const said = `${cmd.toUpperCase()}${reasonCode ? ` 0x${reasonCode.toString(16)}` : ''}`;
    const title = `${said} for a message of QoS ${qos}${isReceived ? ' after PUBREC' : ''}`;
    const packetFor = (messageId: number) => ({ cmd, messageId, reasonCode }) as Packet;

    clause(['MQTT-4.3.2-3', 'MQTT-4.3.3-3', 'MQTT-4.13.1-1'], `${title} is a protocol error`, async () => {
      const topic = `v5 ${title}`;
      const { client, messageId } = await receiving(topic, qos, isReceived);
      client.send(packetFor(messageId));
      await client.closed();

      expect(client.rest()).toEqual([expect.objectContaining({ cmd: 'disconnect', reasonCode: 0x82 })]);
      await expectAgain(topic, messageId, isReceived);
    });

    clause(['MQTT-4.3.2-3', 'MQTT-4.3.3-3'], `${title} behind others in one frame is one too`, async () => {
      const topic = `many ${title}`;
      const { client, messageId } = await receiving(topic, qos, isReceived);
      const unknown = [9001, 9002, 9003].map(packetFor);
      client.send(publishPacket('elsewhere', 'x', { qos: 1, messageId: 1 }), ...unknown, packetFor(messageId));

      expect(await client.farewell()).toMatchObject({ reasonCode: 0x82 });
      await expectAgain(topic, messageId, isReceived);
    });

    clause(
      'MQTT-4.13.1-1',
      `${title} just before DISCONNECT is one too, and the DISCONNECT has no effect`,
      async () => {
        const topic = `last ${title}`;
        const { client, messageId } = await receiving(topic, qos, isReceived);
        const properties = { sessionExpiryInterval: 0 };
        client.send(packetFor(messageId), { cmd: 'disconnect', reasonCode: 0, properties });

        expect(await client.farewell()).toMatchObject({ reasonCode: 0x82 });
        await expectAgain(topic, messageId, isReceived);
      },
    );

    if (reasonCode !== undefined) continue;
    clause('v3 MQTT-4.8.0-1', `${title} closes the connection of a client of MQTT 3.1.1`, async () => {
      const topic = `v3 ${title}`;
      const client = await broker.older.resume(topic);
      await client.subscribe(qos, topic);
      await publisher.publish(topic, 'hello', { qos });
      const { messageId = 0 } = await client.next('publish');
      if (isReceived) client.send({ cmd: 'pubrec', messageId });
      if (isReceived) await client.next('pubrel');
      client.send(packetFor(messageId));
      await client.closed();

      expect(client.rest()).toEqual([]);
      await expectAgainV3(topic, messageId, isReceived);
    });
  }

  async function expectAgainV3(topic: string, messageId: number, isReceived: boolean): Promise<void> {
    const again = await broker.older.resume(topic);
    if (isReceived) {
      expect(await again.next('pubrel')).toMatchObject({ messageId });
      again.send({ cmd: 'pubcomp', messageId });
    } else {
      const packet = await again.next('publish');
      expect(packet).toMatchObject({ messageId, dup: true });
      await again.acknowledge(packet);
    }
    expect(await broker.older.heardBy(again)).toEqual([]);
  }

  for (const cmd of ['pubrec', 'pubcomp'] as const) {
    clause('MQTT-4.3.2-3', `${cmd.toUpperCase()} for one message of a bundle keeps the bundle`, async () => {
      const topic = `bundle ${cmd}`;
      const client = await broker.resume(topic);
      await client.subscribe({ topic, qos: 1 });
      const texts = Array.from({ length: 8 }, (_, index) => String(index));
      await publisher.publishTogether(1, ...texts.map((text) => [topic, text] as const));
      const packets: IPublishPacket[] = [];
      for (const _ of texts) packets.push(await client.next('publish'));
      client.send({ cmd: 'puback', messageId: packets[0]?.messageId });
      client.send({ cmd, messageId: packets[3]?.messageId });

      expect(await client.farewell()).toMatchObject({ reasonCode: 0x82 });
      const again = await broker.resume(topic);
      expect((await broker.heardBy(again)).map(({ text }) => text)).toEqual(texts.slice(1));
    });
  }

  it('in the same frame as messages loses none of them', async () => {
    for (const qos of [0, 1, 2] as const) {
      const topic = `beside ${qos}`;
      const { client, messageId } = await receiving(topic, 2, false);
      const subscriber = await broker.connect(`hears ${topic}`);
      await subscriber.subscribe(`${topic}/#`);
      client.send(
        publishPacket(`${topic}/a`, 'kept', { qos, messageId: 1 }),
        ...(qos === 2 ? [{ cmd: 'pubrel', messageId: 1 } as const] : []),
        { cmd: 'puback', messageId },
      );

      expect(await client.farewell()).toMatchObject({ reasonCode: 0x82 });
      expect(await subscriber.hear()).toMatchObject({ text: 'kept', qos });
      await expectAgain(topic, messageId, false);
    }
  });

  it('publishes the will and does not affect other clients of the same invocation', async () => {
    const watcher = await broker.connect('watcher');
    await watcher.subscribe('wills');
    const client = await broker.resume('has a will', 600, {
      will: { topic: 'wills', payload: Buffer.from('lost'), qos: 1, retain: false },
    });
    await client.subscribe({ topic: 'has a will', qos: 2 });
    await publisher.publish('has a will', 'hello', { qos: 2 });
    const { messageId } = await client.next('publish');
    client.send({ cmd: 'puback', messageId });
    await publisher.ping();

    expect(await client.farewell()).toMatchObject({ reasonCode: 0x82 });
    expect(await watcher.hear()).toMatchObject({ text: 'lost' });
  });
});

describe('an acknowledgement for a packet id without a message', () => {
  let broker: Broker5;
  let publisher: Client5;

  beforeAll(async () => {
    broker = await Broker5.start();
    publisher = await broker.connect('publisher');
  });

  afterAll(() => broker.stop());

  clause(['MQTT-3.6.2-1', 'MQTT-4.3.3-4'], 'PUBREC gets PUBREL 0x92', async () => {
    for (const messageId of [77, 40_000]) {
      publisher.send({ cmd: 'pubrec', messageId });
      expect(await publisher.next('pubrel')).toMatchObject({ messageId, reasonCode: 0x92 });
    }
  });

  clause(['MQTT-3.7.2-1', 'MQTT-4.3.3-11'], 'PUBREL gets PUBCOMP 0x92', async () => {
    publisher.send({ cmd: 'pubrel', messageId: 77 });
    expect(await publisher.next('pubcomp')).toMatchObject({ messageId: 77, reasonCode: 0x92 });
  });

  clause('MQTT-3.7.2-1', 'a repeated PUBREL gets PUBCOMP with success, then with 0x92', async () => {
    const codes = async () => [
      (await publisher.next('pubcomp')).reasonCode,
      (await publisher.next('pubcomp')).reasonCode,
    ];
    publisher.send(publishPacket('a', 'x', { qos: 2, messageId: 8 }));
    await publisher.next('pubrec');
    publisher.send({ cmd: 'pubrel', messageId: 8 }, { cmd: 'pubrel', messageId: 8 });
    expect(await codes()).toEqual([0, 0x92]);
    publisher.send(publishPacket('a', 'x', { qos: 2, messageId: 8 }), { cmd: 'pubrel', messageId: 8 });
    publisher.send({ cmd: 'pubrel', messageId: 8 });
    expect(await codes()).toEqual([0, 0x92]);
  });

  clause('MQTT-4.4.0-1', 'PUBREL repeated on the next connection gets success: its PUBCOMP may be lost', async () => {
    const before = await broker.resume('recovers');
    before.send(publishPacket('a', 'x', { qos: 2, messageId: 8 }));
    await before.next('pubrec');
    before.send({ cmd: 'pubrel', messageId: 8 });
    expect(await before.next('pubcomp')).toMatchObject({ reasonCode: 0 });
    await broker.lose(before);
    const after = await broker.resume('recovers');
    after.send({ cmd: 'pubrel', messageId: 8 });

    expect(await after.next('pubcomp')).toMatchObject({ reasonCode: 0 });
  });

  it('repeated PUBACK and PUBCOMP change nothing', async () => {
    const client = await broker.resume('says it twice');
    await client.subscribe('twice');
    for (const qos of [1, 2] as const) {
      await publisher.publish('twice', 'hello', { qos });
      const { messageId } = await client.next('publish');
      if (qos === 1) client.send({ cmd: 'puback', messageId }, { cmd: 'puback', messageId });
      else {
        client.send({ cmd: 'pubrec', messageId }, { cmd: 'pubrec', messageId });
        for (let count = 0; count < 2; count++) {
          expect(await client.next('pubrel')).toMatchObject({ messageId, reasonCode: 0 });
        }
        client.send({ cmd: 'pubcomp', messageId }, { cmd: 'pubcomp', messageId });
      }
      await client.ping();
    }
  });
});
