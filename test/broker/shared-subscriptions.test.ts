/*
 * $share for clients of MQTT 3.1.1 and 3.1, whose specifications do not define it: as in Mosquitto, EMQX, HiveMQ and VerneMQ.
 * Proved elsewhere: the choice of members and QoS 2: publishing/shared-subscriptions.test.ts, v5/shared-subscriptions.test.ts.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { QoS } from 'mqtt-packet';
import { Broker5 } from '../support/broker5';
import { GuardedBroker } from '../support/guarded-broker';
import type { TestBroker } from '../support/test-broker';
import type { TextClient } from '../support/text-client';

const versions = [
  ['3.1.1', { protocolId: 'MQTT', protocolVersion: 4 }],
  ['3.1', { protocolId: 'MQIsdp', protocolVersion: 3 }],
] as const;

describe.each(versions)('a shared subscription of a client of MQTT %s', (_version, version) => {
  let both: Broker5;
  let broker: TestBroker;
  let publisher: TextClient;
  let topic = '';
  let count = 0;

  beforeAll(async () => {
    both = await Broker5.start();
    broker = both.older;
  });

  beforeEach(async () => {
    publisher = await broker.connect('publisher', version);
    count += 1;
    topic = `jobs/${count}`;
  });

  afterAll(() => both.stop());

  function shared(group = 'workers'): string {
    return `$share/${group}/${topic}`;
  }

  function resume(name: string): Promise<TextClient> {
    return broker.resume(`${name}-${count}`, version);
  }

  async function member(name: string, filter = shared(), qos: QoS = 2): Promise<TextClient> {
    const client = await resume(name);
    expect(await client.subscribe(qos, filter)).toEqual([qos]);
    return client;
  }

  async function publishMany(times: number, qos: QoS): Promise<string[]> {
    const texts = Array.from({ length: times }, (_, index) => `at ${qos}: ${index}`);
    for (const text of texts) await publisher.publish(topic, text, { qos });
    return texts;
  }

  async function heardBy(client: TextClient): Promise<string[]> {
    return (await broker.heardBy(client)).map(({ text }) => text);
  }

  for (const qos of [0, 1, 2] as const) {
    it(`gives each message of QoS ${qos} to one member, and each member some`, async () => {
      const members = [await member('a'), await member('b'), await member('c')];
      const texts = await publishMany(30, qos);
      const heard = await Promise.all(members.map(heardBy));

      expect(heard.flat().sort()).toEqual(texts.sort());
      expect(heard.filter((mine) => mine.length === 0)).toEqual([]);
    });
  }

  it('is the same as that of clients of MQTT 5.0 with the same ShareName, and another one under another name', async () => {
    const older = await member('older');
    const newer = await both.connect('newer');
    expect(await newer.subscribe(shared())).toEqual([2]);
    const other = await member('other', shared('others'));
    const texts = await publishMany(20, 1);
    const one = await heardBy(older);
    const two = (await both.heardBy(newer)).map(({ text }) => text);

    expect([...one, ...two].sort()).toEqual([...texts].sort());
    expect([one.length > 0, two.length > 0]).toEqual([true, true]);
    expect(await heardBy(other)).toEqual(texts);
  });

  it('is independent of a non-shared one: the client gets two copies', async () => {
    const client = await member('both');
    await client.subscribe(1, topic);
    await publisher.publish(topic, 'x', { qos: 1 });

    expect(await heardBy(client)).toEqual(['x', 'x']);
  });

  it('gets no retained messages', async () => {
    await publisher.publish(topic, 'kept', { qos: 1, retain: true });
    const client = await member('late');
    expect(await heardBy(client)).toEqual([]);
    await client.subscribe(1, topic);

    expect(await heardBy(client)).toEqual(['kept']);
    await publisher.publish(topic, '', { qos: 1, retain: true });
  });

  it('ends with UNSUBSCRIBE under its whole name', async () => {
    const [staying, leaving] = [await member('staying'), await member('leaving')];
    await leaving.unsubscribe(shared(), shared('never joined'));
    const texts = await publishMany(8, 1);

    expect(await heardBy(leaving)).toEqual([]);
    expect(await heardBy(staying)).toEqual(texts);
  });

  it('does not end with UNSUBSCRIBE from the filter in it', async () => {
    const client = await member('staying');
    await client.unsubscribe(topic);
    const texts = await publishMany(2, 1);

    expect(await heardBy(client)).toEqual(texts);
  });

  it('is resumed with its session and its waiting messages', async () => {
    await broker.lose(await member('returning'));
    const texts = await publishMany(3, 1);
    const again = await resume('returning');

    expect(await heardBy(again)).toEqual(texts);
  });

  it('hands over unsent messages when the session of its member is replaced', async () => {
    await broker.lose(await member('away'));
    const texts = await publishMany(5, 2);
    const other = await member('other');
    expect(await heardBy(other)).toEqual([]);
    await (await broker.connect(`away-${count}`, version)).disconnect();

    expect(await heardBy(other)).toEqual(texts);
  });

  it('ends with a clean session, and leaves no rows', async () => {
    const before = await broker.rows();
    const client = await broker.connect('clean', version);
    await client.subscribe(1, shared());
    await client.disconnect();
    await broker.cloud.settled();

    expect(await broker.rows()).toEqual(before);
  });

  it('without a ShareName or a filter is refused in SUBACK, and the connection stays open', async () => {
    const client = await member('mistaken', topic);
    const names = ['$share//a', '$share/g', '$share/', '$share/g/', '$share/+/a', '$share/#', '$share/g/$share/h/a'];
    expect(await client.subscribe(1, ...names, shared())).toEqual([...names.map(() => 0x80), 1]);
    await client.unsubscribe(...names);
    await publisher.publish(topic, 'x', { qos: 1 });

    expect(await heardBy(client)).toEqual(['x', 'x']);
  });
});

describe('access rules', () => {
  let guarded: GuardedBroker;

  beforeAll(async () => {
    guarded = await GuardedBroker.start({});
    const rules = [
      { actions: ['subscribe'], topics: ['news/#'], maxQos: 1 },
      { effect: 'deny', actions: ['subscribe'], topics: ['news/secret'] },
    ] as const;
    await guarded.addUser('reader', 'secret', { rules: rules.map((rule) => ({ ...rule, topics: [...rule.topics] })) });
  });

  afterAll(() => guarded.stop());

  it.each(versions)('apply to the filter in a share of a client of MQTT %s', async (_version, version) => {
    const login = { username: 'reader', password: Buffer.from('secret'), ...version };
    const client = await guarded.older.connect('reader', login);

    expect(
      await client.subscribe(
        2,
        '$share/g/news/a',
        '$share/g/news/#',
        '$share/news/a',
        '$share/g/#',
        '$share/g/news/secret',
      ),
    ).toEqual([1, 0x80, 0x80, 0x80, 0x80]);
  });
});
