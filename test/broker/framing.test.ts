/*
 * Proved elsewhere: what text is a frame, and where packets begin and end: test/protocol/frames.test.ts, packet-splitter.test.ts,
 *   wire-vectors.test.ts.
 * Not met: [MQTT-6.0.0-1] [v3 MQTT-6.0.0-1] want binary frames, which API Gateway closes; docs/wire-format.md.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generate, type Packet } from 'mqtt-packet';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

function textOf(...packets: Packet[]): string {
  return Buffer.concat(packets.map((packet) => generate(packet))).toString('base64');
}

const connect = { cmd: 'connect', clientId: 'client', clean: true, keepalive: 60 } as Packet;

describe('frames', () => {
  let broker: TestBroker;
  let observer: TextClient;
  let client: TextClient;

  beforeAll(async () => {
    broker = await TestBroker.start();
    broker.cloud.clock.hold();
    observer = await broker.connect('observer', { keepalive: 0 });
    await observer.subscribe(1, 'said/#');
  });

  beforeEach(async () => {
    await broker.cloud.faults.clear();
    await broker.heardBy(observer);
    client = await broker.open();
  });

  afterAll(() => broker.stop());

  async function texts(): Promise<string[]> {
    return (await broker.heardBy(observer)).map(({ text }) => text);
  }

  function say(number: number, text: string): void {
    client.sendText(`${number}.${textOf(publishPacket('said', text))}`);
  }

  clause(['MQTT-6.0.0-2', 'v3 MQTT-6.0.0-2'], 'may hold several packets', async () => {
    client.send(connect, publishPacket('said', '1'), publishPacket('said', '2'), { cmd: 'pingreq' });
    await client.next('pingresp');

    expect(await texts()).toEqual(['1', '2']);
  });

  clause(['MQTT-6.0.0-2', 'v3 MQTT-6.0.0-2'], 'may hold any slice of a packet', async () => {
    await client.connect('client');
    const stream = generate(publishPacket('said', 'slice by slice', { qos: 1, messageId: 7 }));
    for (let start = 0; start < stream.length; start += 5) client.sendBytes(stream.subarray(start, start + 5));

    expect(await client.next('puback')).toMatchObject({ messageId: 7 });
    expect(await texts()).toEqual(['slice by slice']);
  });

  clause('v3 MQTT-6.0.0-2', 'may cut CONNECT itself, and go on with other packets', async () => {
    const stream = Buffer.concat(
      [connect, publishPacket('said', 'hello'), { cmd: 'pingreq' } as const].map((packet) => generate(packet)),
    );
    for (const [start, end] of [
      [0, 1],
      [1, 9],
      [9, 25],
      [25, stream.length],
    ])
      client.sendBytes(stream.subarray(start, end));
    await client.next('pingresp');

    expect(await texts()).toEqual(['hello']);
  });

  it('may cut a packet in places where frames are worked off apart from each other', async () => {
    await client.connect('client');
    const stream = generate(publishPacket('said', 'x'.repeat(60_000), { qos: 1, messageId: 7 }));
    for (let start = 0; start < stream.length; start += 24_000) {
      client.sendBytes(stream.subarray(start, start + 24_000));
      await observer.ping();
      await broker.cloud.settled();
    }

    await client.next('puback');
    expect((await texts()).map(({ length }) => length)).toEqual([60_000]);
  });

  it('that lose their beginning with their connection leave nothing behind for the next', async () => {
    const before = await broker.resume('cut off');
    before.sendBytes(generate(publishPacket('said', 'never finished', { qos: 1, messageId: 7 })).subarray(0, 10));
    await observer.ping();
    await broker.lose(before);
    const after = await broker.resume('cut off');
    await after.publish('said', 'whole', { qos: 1 });

    expect(await texts()).toEqual(['whole']);
  });

  it('need no numbers as long as each holds whole packets', async () => {
    client.sendText(textOf(connect));
    await client.next('connack');
    client.sendText(textOf(publishPacket('said', '1'), publishPacket('said', '2')));
    client.sendText(textOf({ cmd: 'pingreq' }));
    await client.next('pingresp');

    expect(await texts()).toEqual(['1', '2']);
  });

  it('without a number may not end inside a packet', async () => {
    const before = broker.logged('protocol error').length;
    client.sendText(textOf(connect));
    await client.next('connack');
    client.sendText(generate(publishPacket('said', 'half')).subarray(0, 6).toString('base64'));
    await client.closed();

    expect(await texts()).toEqual([]);
    expect(broker.logged('protocol error')).toHaveLength(before + 1);
  });

  it('without a number may not follow numbered ones', async () => {
    await client.connect('client');
    client.sendText(textOf(publishPacket('said', 'where does this belong?')));

    await client.closed();
    expect(await texts()).toEqual([]);
  });

  it('are skipped when their number was worked off before', async () => {
    await client.connect('client');
    say(2, 'once');
    say(2, 'once');
    client.sendText(`1.${textOf(connect)}`);
    say(3, 'twice');
    client.sendText(`4.${textOf({ cmd: 'pingreq' })}`);
    await client.next('pingresp');
    say(2, 'once');
    client.sendText(`5.${textOf({ cmd: 'pingreq' })}`);
    await client.next('pingresp');

    expect(await texts()).toEqual(['once', 'twice']);
  });

  it('that overtook others wait for them', async () => {
    await client.connect('client');
    for (const number of [4, 3, 6, 2, 5]) say(number, String(number));
    client.sendText(`7.${textOf({ cmd: 'pingreq' })}`);
    await client.next('pingresp');

    expect(await texts()).toEqual(['2', '3', '4', '5', '6']);
  });

  it('that overtook others wait for them over several turns', async () => {
    await client.connect('client');
    for (const number of [5, 4, 3, 2]) {
      say(number, String(number));
      await observer.ping();
      await broker.cloud.settled();
    }
    client.sendText(`6.${textOf({ cmd: 'pingreq' })}`);
    await client.next('pingresp');

    expect(await texts()).toEqual(['2', '3', '4', '5']);
  });

  it('that overtook CONNECT itself wait for it', async () => {
    say(2, 'hello');
    await observer.ping();
    await broker.cloud.settled();
    client.sendText(`1.${textOf(connect)}`);
    await client.next('connack');

    expect(await texts()).toEqual(['hello']);
  });

  clause(
    ['MQTT-4.2.0-1', 'v3 MQTT-4.6.0-5', 'v3 MQTT-7.1.1-1'],
    'that the gateway repeats and reorders arrive once and in order',
    async () => {
      await client.connect('client');
      await broker.cloud.faults.set(
        { fault: 'frame', does: 'reorder', probability: 0.5, milliseconds: 40 },
        { fault: 'frame', does: 'duplicate', probability: 0.3 },
      );
      const sent = Array.from({ length: 40 }, (_, index) => String(index));
      for (const text of sent) client.send(publishPacket('said', text));
      await client.ping();
      await broker.cloud.faults.clear();

      expect(await texts()).toEqual(sent);
    },
  );

  it('that never come close the connection after ten seconds, and it is said in the log', async () => {
    const will = { topic: 'said/will', payload: Buffer.from('gave up'), qos: 1, retain: false } as const;
    await client.connect('client', { will });
    say(3, 'too early');
    await observer.ping();
    await broker.cloud.settled();
    broker.cloud.clock.jump(9_000);
    say(4, 'still waiting');
    await observer.ping();
    await broker.cloud.settled();
    expect(client.closeCode).toBeUndefined();
    broker.cloud.clock.jump(2_000);
    say(5, 'no longer');

    await client.closed();
    expect(await texts()).toEqual(['gave up']);
    expect(broker.logged('protocol error').at(-1)).toMatchObject({ message: 'frame 2 is missing' });
  });

  it('that never come close the connection even when nothing follows', async () => {
    await client.connect('client', { keepalive: 20 });
    say(3, 'too early');
    await observer.ping();
    await broker.cloud.settled();
    broker.cloud.clock.jump(31_000);

    await client.closed();
    expect(await texts()).toEqual([]);
  });

  it('that pile up behind a missing one close the connection when they are too many', async () => {
    await client.connect('client');
    const heavy = textOf(publishPacket('said', 'x'.repeat(24_000)));
    for (let number = 3; number <= 7; number++) client.sendText(`${number}.${heavy}`);

    await client.closed();
    expect(await texts()).toEqual([]);
  });

  it('that pile up behind a missing one close the connection when they are small but many', async () => {
    await client.connect('client');
    for (let number = 3; number < 3 + 256; number++) say(number, '');
    await broker.cloud.settled();
    expect(client.closeCode).toBeUndefined();
    say(3 + 256, '');

    await client.closed();
    expect(broker.logged('protocol error').at(-1)).toMatchObject({ message: 'frame 2 is missing' });
  });

  it('that are no base64 close their connection only', async () => {
    await client.connect('client');
    for (const text of ['2.%%%', 'hello', '{"message":"x"}', '2.', '0.wAA=', '2.wAA']) {
      const offender = await broker.connect('offender');
      offender.sendText(text);
      await offender.closed();
      expect({ text, answered: offender.rest() }).toEqual({ text, answered: [] });
    }
    await client.ping();

    expect(client.closeCode).toBeUndefined();
  });

  it('that are empty never reach the broker: the gateway says so', async () => {
    await client.connect('client');
    client.sendText('');
    await client.ping();

    expect(client.complaints).toEqual([expect.stringContaining('Internal server error')]);
  });

  it('that are binary close the connection with 1003', async () => {
    client.socket.send(generate(connect));

    expect(await client.closed()).toBe(1003);
  });

  it('longer than the gateway takes close the connection with 1009', async () => {
    await client.connect('client');
    client.sendBytes(Buffer.alloc(24_600));

    expect(await client.closed()).toBe(1009);
  });
});
