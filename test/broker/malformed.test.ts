/*
 * Proved elsewhere: what is malformed, packet by packet: test/protocol/malformed.test.ts, packets/; frames that are not
 *   base64 or not in order: framing.test.ts; a malformed CONNECT: connect.test.ts.
 * Here: what it does to the connection that sent it, and that it does nothing to anybody else.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generate } from 'mqtt-packet';
import malformed from '../protocol/malformed.json';
import { clause } from '../support/clause';
import { hex } from '../support/packets';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

describe('a malformed packet', () => {
  let broker: TestBroker;
  let bystander: TextClient;

  beforeAll(async () => {
    // One container, so that everybody shares parsers and caches with the offender.
    broker = await TestBroker.start({ containers: 1 });
    bystander = await broker.connect('bystander');
    await bystander.subscribe(1, 'news/#', 'will/#');
  });

  beforeEach(async () => {
    await broker.heardBy(bystander);
  });

  afterAll(() => broker.stop());

  clause('v3 MQTT-4.8.0-1', 'of every known kind closes its connection and no other', async () => {
    const offences = malformed.map(async ({ name, hex: text, before }) => {
      const offender = await broker.open();
      if (before !== 'connect') await offender.connect(name);
      offender.sendBytes(hex(text));
      await offender.closed();
    });
    await Promise.all(offences);
    await bystander.ping();

    expect(bystander.closeCode).toBeUndefined();
    expect(broker.logged('turn failed')).toEqual([]);
  });

  clause('v3 MQTT-3.1.2-8', 'makes the broker publish the will of its client', async () => {
    const will = { topic: 'will/offender', payload: Buffer.from('broke the rules'), qos: 1, retain: false } as const;
    const offender = await broker.connect('offender', { will });
    offender.sendBytes(hex('f0 00'));
    await offender.closed();

    expect(await broker.heardBy(bystander)).toMatchObject([{ topic: 'will/offender', text: 'broke the rules' }]);
  });

  it('leaves what was well said before it, in the same frame', async () => {
    const offender = await broker.connect('offender');
    const good = [publishPacket('news/a', 'at 0'), publishPacket('news/a', 'at 1', { qos: 1, messageId: 7 })];
    offender.sendBytes(Buffer.concat([...good.map((packet) => generate(packet)), hex('60 02 0007')]));
    await offender.next('puback');
    await offender.closed();

    expect(await broker.heardBy(bystander)).toMatchObject([{ text: 'at 0' }, { text: 'at 1' }]);
  });

  it('leaves what was well said before it, even when nobody can tell how long it is', async () => {
    const offender = await broker.connect('offender');
    offender.sendBytes(Buffer.concat([generate(publishPacket('news/a', 'before')), hex('30 ff ff ff ff 7f')]));
    await offender.closed();

    expect(await broker.heardBy(bystander)).toMatchObject([{ text: 'before' }]);
  });

  it('leaves what was well said before it by a container that knows the connection', async () => {
    const offender = await broker.connect('offender');
    await offender.publish('news/a', 'one');
    offender.send(publishPacket('news/a', 'two')); // at QoS 0 from a known connection: the quick way
    offender.sendBytes(Buffer.concat([generate(publishPacket('news/a', 'three')), hex('30 ff ff ff ff 7f')]));
    await offender.closed();

    expect(await broker.heardBy(bystander)).toMatchObject([{ text: 'one' }, { text: 'two' }, { text: 'three' }]);
  });

  clause('v3 MQTT-4.8.0-1', 'is refused before it is whole, when its first bytes cannot be right', async () => {
    for (const bytes of ['c0 01', 'c0 80 01', 'e0 05', '40 03', '62 04 00', '36', '38', '80', '30 02', 'f0 02', 'd0']) {
      const offender = await broker.connect('offender');
      offender.sendBytes(Buffer.concat([generate(publishPacket('news/a', bytes)), hex(bytes)]));
      await offender.closed();

      expect(await broker.heardBy(bystander)).toMatchObject([{ text: bytes }]);
    }
    for (const bytes of ['c0', '30 7f', '12', '82 06 00']) {
      const stranger = await broker.open();
      stranger.sendBytes(hex(bytes));
      await stranger.closed();
    }
  });

  it('takes what follows it along, in its frame and in later ones', async () => {
    const offender = await broker.connect('offender');
    offender.sendBytes(Buffer.concat([hex('60 02 0007'), generate(publishPacket('news/a', 'same frame'))]));
    offender.send(publishPacket('news/a', 'next frame'));
    await offender.closed();

    expect(await broker.heardBy(bystander)).toEqual([]);
  });

  it('takes what follows it along when frames have no numbers', async () => {
    const offender = await broker.open();
    for (const bytes of ['10 0d 0004 4d515454 04 02 003c 0001 63', '60 02 0007', '30 08 0006 6e6577732f61'])
      offender.sendText(hex(bytes).toString('base64'));
    await offender.closed();

    expect(await broker.heardBy(bystander)).toEqual([]);
  });

  clause('v3 MQTT-3.3.1-1', 'keeps a QoS 1 message of the session for the next connection', async () => {
    const subscriber = await broker.resume('clumsy');
    await subscriber.subscribe(1, 'clumsy');
    await bystander.publish('clumsy', 'hello', { qos: 1 });
    await subscriber.next('publish');
    subscriber.sendBytes(hex('40 02 0000'));
    await subscriber.closed();
    await broker.cloud.settled();
    const again = await broker.resume('clumsy');

    expect(await again.hear()).toMatchObject({ text: 'hello', qos: 1, dup: true });
  });

  clause('v3 MQTT-4.8.0-1', 'includes a packet only a server may send', async () => {
    for (const bytes of ['20 02 0000', '90 03 0001 00', 'b0 02 0001', 'd0 00']) {
      const offender = await broker.connect('offender');
      offender.sendBytes(Buffer.concat([hex(bytes), generate(publishPacket('news/a', 'behind it'))]));
      await offender.closed();
      expect({ bytes, answered: offender.rest() }).toEqual({ bytes, answered: [] });
    }

    expect(await broker.heardBy(bystander)).toEqual([]);
  });

  clause('v3 MQTT-4.7.1-1', 'includes a topic name with a wildcard', async () => {
    const offender = await broker.connect('offender');
    offender.sendBytes(hex('30 08 0006 6e6577732f23'));
    await offender.closed();

    expect(await broker.heardBy(bystander)).toEqual([]);
  });

  clause(
    'v3 MQTT-4.7.1-2',
    'includes a filter with a misplaced wildcard, whatever else the packet asks for',
    async () => {
      const offender = await broker.connect('offender');
      offender.sendBytes(hex('82 10 0001 0006 6e6577732f61 01 0003 232f61 01'));
      await offender.closed();

      expect(offender.rest()).toEqual([]);
    },
  );
});
