/*
 * Proved elsewhere: invalid names of shared subscriptions [MQTT-4.8.2-1] [MQTT-4.8.2-2]: test/protocol; No Local with a share:
 *   disconnect.test.ts; clients of MQTT 3.1.1: test/broker/shared-subscriptions.test.ts.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { QoS } from 'mqtt-packet';
import { Broker5, forever } from '../../support/broker5';
import { clause } from '../../support/clause';
import type { Client5, Wanted } from '../../support/client5';

describe('a shared subscription', () => {
  let broker: Broker5;
  let publisher: Client5;
  let topic = '';
  let count = 0;

  beforeAll(async () => {
    broker = await Broker5.start();
  });

  beforeEach(async () => {
    publisher = await broker.connect('publisher');
    count += 1;
    topic = `jobs/${count}`;
  });

  afterAll(() => broker.stop());

  function shared(name = 'workers'): string {
    return `$share/${name}/${topic}`;
  }

  /** A client with a session of its own for each test. */
  async function member(name: string, wanted: Wanted = shared(), sessionExpiry = forever): Promise<Client5> {
    const client = await broker.resume(`${name} ${count}`, sessionExpiry);
    expect(await client.subscribe(wanted)).not.toContain(0x80);
    return client;
  }

  function back(name: string): Promise<Client5> {
    return broker.resume(`${name} ${count}`);
  }

  async function publishMany(times: number, qos: QoS): Promise<string[]> {
    const texts = Array.from({ length: times }, (_, index) => `at ${qos}: ${index}`);
    for (const text of texts) await publisher.publish(topic, text, { qos });
    return texts;
  }

  async function heardBy(client: Client5): Promise<string[]> {
    return (await broker.heardBy(client)).map(({ text }) => text);
  }

  for (const qos of [0, 1, 2] as const) {
    it(`at QoS ${qos} gives each message to one of its members, and each member some`, async () => {
      const members = [await member('a'), await member('b'), await member('c')];
      const texts = await publishMany(30, qos);
      const heard = await Promise.all(members.map(heardBy));

      expect(heard.flat().sort()).toEqual(texts.sort());
      expect(heard.filter((mine) => mine.length === 0)).toEqual([]);
    });
  }

  it('gives everything to its only member', async () => {
    const only = await member('only');

    expect(await heardBy(only)).toEqual([]);
    expect(await publishMany(5, 1)).toEqual(await heardBy(only));
  });

  it('prefers connected members', async () => {
    const [here, away] = [await member('here'), await member('away')];
    await broker.leave(away);
    const texts = await publishMany(12, 1);

    expect(await heardBy(here)).toEqual(texts);
    expect(await heardBy(await back('away'))).toEqual([]);
  });

  it('keeps messages for its members while all of them are away', async () => {
    for (const client of [await member('a'), await member('b')]) await broker.leave(client);
    const texts = await publishMany(8, 1);
    const heard = [await heardBy(await back('a')), await heardBy(await back('b'))];

    expect(heard.flat().sort()).toEqual(texts.sort());
  });

  clause('MQTT-4.8.2-3', 'serves each member at the QoS it was granted', async () => {
    const members = await Promise.all(([0, 1, 2] as const).map((qos) => member(`at ${qos}`, { topic: shared(), qos })));
    await publishMany(30, 2);

    for (const [qos, client] of members.entries()) {
      const heard = await broker.heardBy(client);
      expect(heard.length).toBeGreaterThan(0);
      expect(heard.filter((message) => message.qos !== qos)).toEqual([]);
    }
  });

  it('gets no retained messages', async () => {
    await publisher.publish(topic, 'kept', { qos: 1, retain: true });
    for (const rh of [0, 1] as const) {
      expect(await heardBy(await member(`handling ${rh}`, { topic: shared(), rh }))).toEqual([]);
    }
    await publisher.publish(topic, '', { retain: true });
  });

  it('is another one under another name: each group gets every message', async () => {
    const groups = [
      [await member('a'), await member('b')],
      [await member('c', shared('others')), await member('d', shared('others'))],
    ];
    const texts = await publishMany(10, 1);

    for (const members of groups) {
      expect((await Promise.all(members.map(heardBy))).flat().sort()).toEqual([...texts].sort());
    }
  });

  it('is another one under another filter, even when the name is the same', async () => {
    const exact = await member('exact');
    const wild = await member('wild', `$share/workers/+/${count}`);
    const texts = await publishMany(4, 1);

    expect(await heardBy(exact)).toEqual(texts);
    expect(await heardBy(wild)).toEqual(texts);
  });

  it('is independent of non-shared subscriptions: a client with both gets two copies', async () => {
    const both = await member('both');
    await both.subscribe(topic);
    const plain = await member('plain', topic);
    await publisher.publish(topic, 'x', { qos: 1 });

    expect(await heardBy(both)).toEqual(['x', 'x']);
    expect(await heardBy(plain)).toEqual(['x']);
  });

  it('of one client in two groups gets a message for each', async () => {
    const busy = await member('busy');
    await busy.subscribe(shared('others'));
    for (const qos of [0, 1, 2] as const) {
      await publisher.publish(topic, `at ${qos}`, { qos });
      expect(await heardBy(busy)).toEqual([`at ${qos}`, `at ${qos}`]);
    }
  });

  it('has its own subscription identifier', async () => {
    const numbered = await member('numbered');
    await numbered.subscribe(shared(), { subscriptionIdentifier: 5 });
    await numbered.subscribe(topic, { subscriptionIdentifier: 6 });
    await publisher.publish(topic, 'x', { qos: 1 });
    const heard = await broker.heardBy(numbered);

    expect(heard.map(({ properties }) => properties.subscriptionIdentifier).sort()).toEqual([5, 6]);
  });

  it('ends with UNSUBSCRIBE under its whole name', async () => {
    const [staying, leaving] = [await member('staying'), await member('leaving')];
    expect(await leaving.unsubscribe(topic, shared('others'), shared())).toEqual([0x11, 0x11, 0]);
    const texts = await publishMany(8, 1);

    expect(await heardBy(leaving)).toEqual([]);
    expect(await heardBy(staying)).toEqual(texts);
  });

  it('ends with its last member', async () => {
    const last = await member('last');
    expect(await publisher.publish(topic, 'x', { qos: 1 })).toBe(0);
    await last.unsubscribe(shared());

    expect(await publisher.publish(topic, 'x', { qos: 1 })).toBe(0x10);
  });

  it('goes on without a member whose session has ended', async () => {
    const [staying, leaving] = [await member('staying'), await member('leaving', shared(), 0)];
    await broker.leave(leaving);
    const texts = await publishMany(8, 1);

    expect(await heardBy(staying)).toEqual(texts);
  });

  it('survives the connection of its members', async () => {
    await broker.lose(await member('returning'));
    const again = await back('returning');
    const texts = await publishMany(3, 0);

    expect(await heardBy(again)).toEqual(texts);
  });

  clause('MQTT-4.8.2-4', 'completes a QoS 2 delivery with the member that it began with', async () => {
    const first = await member('first');
    await publisher.publish(topic, 'x', { qos: 2 });
    const { messageId } = await first.next('publish');
    const second = await member('second');
    await broker.lose(first);
    expect(await heardBy(second)).toEqual([]);
    const again = await back('first');

    expect(await again.next('publish')).toMatchObject({ messageId, dup: true, qos: 2 });
    again.send({ cmd: 'pubrec', messageId });
    expect(await again.next('pubrel')).toMatchObject({ messageId });
    again.send({ cmd: 'pubcomp', messageId });
    await again.ping();
    expect(await heardBy(second)).toEqual([]);
  });

  clause(
    'MQTT-4.8.2-5',
    'gives a QoS 2 message to no other member after its member has begun and ends its session',
    async () => {
      const first = await member('first');
      await publisher.publish(topic, 'x', { qos: 2 });
      await first.next('publish');
      const second = await member('second');
      await broker.leave(first, 0, { sessionExpiryInterval: 0 });

      expect(await heardBy(second)).toEqual([]);
    },
  );

  for (const qos of [1, 2] as const) {
    clause('MQTT-4.8.2-6', `gives a message that a member refused at QoS ${qos} to no other member`, async () => {
      const first = await member('first');
      await publisher.publish(topic, 'x', { qos });
      const { messageId } = await first.next('publish');
      const second = await member('second');
      first.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: 0x83 });
      await first.ping();

      expect(await heardBy(second)).toEqual([]);
      await broker.leave(first, 0, { sessionExpiryInterval: 0 });
      expect(await heardBy(second)).toEqual([]);
    });
  }

  describe('hands over unsent messages', () => {
    for (const qos of [1, 2] as const) {
      it(`at QoS ${qos} when its member starts a new session`, async () => {
        await broker.leave(await member('away'));
        const texts = await publishMany(5, qos);
        const other = await member('other');
        expect(await heardBy(other)).toEqual([]);
        await broker.connect(`away ${count}`);

        expect(await heardBy(other)).toEqual(texts);
      });

      it(`at QoS ${qos} when its member ends its session`, async () => {
        await broker.leave(await member('away'));
        const texts = await publishMany(5, qos);
        const other = await member('other');
        const away = await broker.resume(`away ${count}`, 600, { properties: { receiveMaximum: 1 } });
        await away.hear();
        await away.next('publish');
        await broker.leave(away, 0, { sessionExpiryInterval: 0 });

        // The first is completed. The second was sent: at QoS 2 it goes to no other member [MQTT-4.8.2-5].
        expect(await heardBy(other)).toEqual(texts.slice(qos));
      });
    }

    it('at QoS 1 also messages that its member did not acknowledge', async () => {
      const first = await member('first');
      await publishMany(3, 1);
      await first.hear();
      await first.ping();
      const second = await member('second');
      await broker.leave(first, 0, { sessionExpiryInterval: 0 });

      expect(await heardBy(second)).toEqual(['at 1: 1', 'at 1: 2']); // section 4.8.2, a SHOULD
    });

    it('when it expires', async () => {
      await broker.leave(await member('away', shared(), 30));
      const texts = await publishMany(5, 1);
      const other = await member('other');
      await broker.pass(31);

      expect(await heardBy(other)).toEqual(texts);
    });
  });
});
