/*
 * Proved elsewhere: a will that may not be published [v3 MQTT-3.3.5-2] test/protocol; a will after a protocol error:
 *   malformed.test.ts; after a takeover: takeover.test.ts; when a connection counts as lost: keep-alive.test.ts.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { QoS } from 'mqtt-packet';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

function willOf(clientId: string, qos: QoS = 1, retain = false) {
  return { topic: `will/${clientId}`, payload: Buffer.from(`${clientId} is gone`), qos, retain };
}

describe('a will', () => {
  let broker: TestBroker;
  let observer: TextClient;

  beforeAll(async () => {
    broker = await TestBroker.start();
    observer = await broker.connect('observer', { keepalive: 0 });
    await observer.subscribe(2, 'will/#');
  });

  beforeEach(() => broker.cloud.faults.clear());

  afterAll(() => broker.stop());

  for (const qos of [0, 1, 2] as const) {
    clause('v3 MQTT-3.1.2-8', `of QoS ${qos} is published at it when the socket is lost`, async () => {
      const client = await broker.connect(`at ${qos}`, { will: willOf(`at ${qos}`, qos) });
      await broker.lose(client);

      expect(await observer.hear()).toMatchObject({
        topic: `will/at ${qos}`,
        text: `at ${qos} is gone`,
        qos,
        retain: false,
      });
      expect(await broker.heardBy(observer)).toEqual([]);
    });

    clause('v3 MQTT-3.1.2-17', `of QoS ${qos} with RETAIN is kept`, async () => {
      const client = await broker.connect(`kept ${qos}`, { will: willOf(`kept ${qos}`, qos, true) });
      await broker.lose(client);
      expect(await observer.hear()).toMatchObject({ text: `kept ${qos} is gone`, retain: false });
      const visitor = await broker.connect('visitor');
      await visitor.subscribe(2, `will/kept ${qos}`);

      expect(await visitor.hear()).toMatchObject({ text: `kept ${qos} is gone`, retain: true, qos });
    });
  }

  clause('v3 MQTT-3.1.2-16', 'without RETAIN is not kept', async () => {
    await broker.lose(await broker.connect('passing', { will: willOf('passing') }));
    expect(await observer.hear()).toMatchObject({ text: 'passing is gone' });
    const visitor = await broker.connect('visitor');
    await visitor.subscribe(2, 'will/passing');

    expect(await broker.heardBy(visitor)).toEqual([]);
  });

  clause('v3 MQTT-3.1.2-12', 'that was not given is not published, not even that of the last connection', async () => {
    await broker.lose(await broker.resume('terse', { will: willOf('terse') }));
    expect(await observer.hear()).toMatchObject({ text: 'terse is gone' });
    await broker.lose(await broker.resume('terse'));

    expect(await broker.heardBy(observer)).toEqual([]);
  });

  clause('v3 MQTT-3.14.4-3', 'is discarded by DISCONNECT', async () => {
    const client = await broker.connect('polite', { will: willOf('polite') });
    await client.disconnect();

    expect(await broker.heardBy(observer)).toEqual([]);
  });

  clause('v3 MQTT-3.14.4-3', 'is discarded by DISCONNECT with the end of the socket right behind it', async () => {
    const client = await broker.connect('hasty', { will: willOf('hasty') });
    client.send({ cmd: 'disconnect' });
    client.socket.close();
    await client.closed();

    expect(await broker.heardBy(observer)).toEqual([]);
  });

  clause('v3 MQTT-3.14.4-3', 'is discarded by DISCONNECT, and whatever follows it in its frame', async () => {
    const client = await broker.connect('chatty', { will: willOf('chatty') });
    client.send({ cmd: 'disconnect' }, publishPacket('will/chatty', 'one more thing', { qos: 1, messageId: 7 }));
    client.send(publishPacket('will/chatty', 'and another'));
    await client.closed();

    expect(await broker.heardBy(observer)).toEqual([]);
    expect(client.rest()).toEqual([]);
  });

  clause('v3 MQTT-3.1.2-8', 'is published when the client closes its socket without DISCONNECT', async () => {
    const client = await broker.connect('rude', { will: willOf('rude') });
    client.socket.close();
    await client.closed();

    expect(await observer.hear()).toMatchObject({ text: 'rude is gone' });
  });

  clause('v3 MQTT-3.1.2-8', 'comes behind the last message of its client', async () => {
    const client = await broker.connect('last words', { will: willOf('last words') });
    client.send({ cmd: 'publish', topic: 'will/be/heard', payload: 'first', qos: 0, dup: false, retain: false });
    client.socket.close();

    expect(await observer.hear()).toMatchObject({ text: 'first' });
    expect(await observer.hear()).toMatchObject({ text: 'last words is gone' });
  });

  clause('v3 MQTT-3.1.2-10', 'is published once, and belongs to its connection only', async () => {
    const first = await broker.resume('twice', { will: willOf('twice') });
    await broker.lose(first);
    expect(await observer.hear()).toMatchObject({ text: 'twice is gone' });
    const second = await broker.resume('twice');
    await broker.lose(second);

    expect(await broker.heardBy(observer)).toEqual([]);
  });

  clause('v3 MQTT-3.1.2-11', 'of a session that outlives its connection is published all the same', async () => {
    await broker.lose(await broker.resume('persistent', { will: willOf('persistent') }));

    expect(await observer.hear()).toMatchObject({ text: 'persistent is gone' });
  });

  clause('v3 MQTT-3.1.2-9', 'may be empty', async () => {
    const will = { ...willOf('silent'), payload: Buffer.alloc(0) };
    await broker.lose(await broker.connect('silent', { will }));

    expect(await observer.hear()).toMatchObject({ topic: 'will/silent', text: '' });
  });

  clause('v3 MQTT-3.1.2-8', 'reaches who is offline', async () => {
    const absent = await broker.resume('absent');
    await absent.subscribe(1, 'will/missed');
    await absent.disconnect();
    await broker.lose(await broker.connect('missed', { will: willOf('missed') }));
    const back = await broker.resume('absent');

    expect(await back.hear()).toMatchObject({ text: 'missed is gone' });
    expect(await observer.hear()).toMatchObject({ text: 'missed is gone' });
  });

  it('reaches the next connection of its own client', async () => {
    const before = await broker.resume('narcissus', { will: willOf('narcissus') });
    await before.subscribe(1, 'will/narcissus');
    await broker.lose(before);
    const after = await broker.resume('narcissus');

    expect(await after.hear()).toMatchObject({ text: 'narcissus is gone' });
    await observer.hear();
  });

  it('leaves no row behind, published or not', async () => {
    const rows = await broker.rows();
    await broker.lose(await broker.connect('tidy', { will: willOf('tidy', 2) }));
    await observer.hear();
    await (await broker.connect('tidy', { will: willOf('tidy', 2) })).disconnect();

    expect((await broker.rows()).filter((row) => !rows.includes(row) && !row.startsWith('inflight'))).toEqual([]);
  });

  it('is found out when the gateway says nothing and its client comes back', async () => {
    const before = await broker.connect('back again', { will: willOf('back again') });
    await broker.cloud.faults.set({ fault: 'lose-disconnect', times: 1 });
    await broker.lose(before);
    expect(await broker.heardBy(observer)).toEqual([]);
    await broker.connect('back again');

    expect(await observer.hear()).toMatchObject({ text: 'back again is gone' });
  });

  it('is found out when the gateway says nothing and a message cannot be posted', async () => {
    const client = await broker.connect('vanished', { will: willOf('vanished') });
    await client.subscribe(1, 'to/vanished');
    await broker.cloud.faults.set({ fault: 'lose-disconnect', times: 1 });
    await broker.lose(client);
    expect(await broker.heardBy(observer)).toEqual([]);
    await observer.publish('to/vanished', 'are you there?', { qos: 1 });

    expect(await observer.hear()).toMatchObject({ text: 'vanished is gone' });
  });
});
