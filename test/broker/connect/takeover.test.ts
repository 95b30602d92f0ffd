/*
 * Proved elsewhere: what of the session is there for the next connection: session.test.ts, qos.test.ts.
 * Not proved here: a CONNECT so late that its connection is older than the owner's, beyond the races below.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IConnectPacket, Packet } from 'mqtt-packet';
import { longestTurn } from '../../../lambdas/broker/connect/takeover';
import { functions } from '../../../lambdas/deployment';
import { clause } from '../../support/clause';
import { TestBroker } from '../../support/test-broker';
import { publishPacket, type TextClient } from '../../support/text-client';

describe('a second connection with the same client id', () => {
  let broker: TestBroker;
  let observer: TextClient;

  beforeAll(async () => {
    broker = await TestBroker.start({ containers: 3 });
    observer = await broker.connect('observer');
    await observer.subscribe(1, 'will/#', 'from/#');
  });

  afterAll(() => broker.stop());

  function willOf(clientId: string) {
    return { topic: `will/${clientId}`, payload: Buffer.from('displaced'), qos: 1, retain: false } as const;
  }

  for (const clean of [true, false]) {
    clause('v3 MQTT-3.1.4-2', `closes the first one, clean ${Number(clean)}, and its will is published`, async () => {
      const first = await broker.connect('same', { clean, will: willOf('same') });
      const second = await broker.connect('same', { clean });
      await first.closed();

      expect(await observer.hear()).toMatchObject({ topic: 'will/same', text: 'displaced' });
      await second.ping();
      expect(second.connack).toMatchObject({ sessionPresent: !clean });
      await second.disconnect();
    });
  }

  for (const clean of [true, false]) {
    clause(
      'v3 MQTT-3.1.4-2',
      `closes the first one though the worker dies over it, clean ${Number(clean)}`,
      async () => {
        const unlucky = await TestBroker.start({ visibilitySeconds: 0.2 });
        const first = await unlucky.connect('same', { clean });
        const dies = {
          fault: 'call',
          outcome: 'kill',
          when: 'before',
          operation: 'DeleteConnection',
          times: 1,
        } as const;
        await unlucky.cloud.faults.set(dies);
        const second = await unlucky.open();
        second.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'same', clean, keepalive: 60 });
        const connack = await second.next('connack');
        await first.closed();
        await unlucky.cloud.settled();

        expect(connack).toMatchObject({ returnCode: 0, sessionPresent: !clean });
        expect(unlucky.cloud.faults.report()).toMatchObject([{ struck: 1 }]);
        expect(unlucky.cloud.connections()).toHaveLength(1);
        await second.ping();
        await unlucky.stop();
      },
    );
  }

  clause('v3 MQTT-3.1.2-4', 'goes on where the first one was, with what it had not acknowledged', async () => {
    const first = await broker.resume('heir');
    await first.subscribe(2, 'from/heir');
    await observer.publish('from/heir', 'one', { qos: 1 });
    await observer.publish('from/heir', 'two', { qos: 2 });
    await first.next('publish');
    const second = await broker.resume('heir');
    await observer.publish('from/heir', 'three', { qos: 1 });

    expect(await second.hear()).toMatchObject({ text: 'one', dup: true });
    expect(await second.hear()).toMatchObject({ text: 'two', dup: true });
    expect(await second.hear()).toMatchObject({ text: 'three', dup: false });
    await broker.heardBy(observer);
  });

  it('is not hurt when the first one ends, however it does', async () => {
    const first = await broker.resume('victim');
    await first.subscribe(1, 'to/victim');
    const second = await broker.resume('victim');
    first.socket.close();
    await first.closed();
    await broker.cloud.settled();
    await observer.publish('to/victim', 'still here', { qos: 1 });
    await observer.publish('to/victim', 'really');

    expect(await second.hear()).toMatchObject({ text: 'still here' });
    expect(await second.hear()).toMatchObject({ text: 'really' });
  });

  clause('v3 MQTT-4.1.0-2', 'with a clean session is not hurt by the tidying up after the first one', async () => {
    const first = await broker.connect('tidied');
    await first.subscribe(1, 'to/tidied');
    const second = await broker.connect('tidied');
    await second.subscribe(1, 'to/tidied');
    await first.closed();
    await broker.cloud.settled();
    await observer.publish('to/tidied', 'hello', { qos: 1 });

    expect(await second.hear()).toMatchObject({ text: 'hello' });
    expect(await broker.heardBy(second)).toEqual([]);
  });

  it('does not hear what the first one had subscribed to in a clean session', async () => {
    const first = await broker.connect('wiped');
    await first.subscribe(1, 'to/wiped');
    const second = await broker.resume('wiped');
    await observer.publish('to/wiped', 'hello', { qos: 1 });

    expect(second.connack).toMatchObject({ sessionPresent: false });
    expect(await broker.heardBy(second)).toEqual([]);
  });

  it('loses nothing of what the first one had said', async () => {
    const first = await broker.connect('talker');
    for (let count = 1; count <= 5; count++) first.send(publishPacket('from/talker', String(count)));
    await broker.connect('talker');
    await first.closed();

    expect((await broker.heardBy(observer)).map(({ text }) => text)).toEqual(['1', '2', '3', '4', '5']);
  });

  for (const clean of [true, false]) {
    clause(
      'v3 MQTT-3.1.4-2',
      `in a race with the first, clean ${Number(clean)}, leaves exactly one of them`,
      async () => {
        for (let round = 0; round < 5; round++) {
          const clientId = `racer ${clean} ${round}`;
          const racers = [await broker.open(), await broker.open(), await broker.open()];
          for (const racer of racers) {
            racer.send({ cmd: 'connect', clientId, clean, keepalive: 60, will: willOf(clientId) } as never);
          }
          await broker.cloud.settled();
          await observer.ping();
          await broker.cloud.settled();

          const open = racers.filter(({ closeCode }) => closeCode === undefined);
          expect(open).toEqual([racers.at(-1)]);
          await open[0]?.next('connack');
          await open[0]?.subscribe(1, clientId);
          await observer.publish(clientId, 'hello', { qos: 1 });
          expect(await open[0]?.hear()).toMatchObject({ text: 'hello' });
          await open[0]?.disconnect();
          const accepted = racers.slice(0, -1).filter((racer) => racer.rest().some(({ cmd }) => cmd === 'connack'));
          const wills = (await broker.heardBy(observer)).filter(({ topic }) => topic === `will/${clientId}`);
          expect(wills.length).toBeGreaterThanOrEqual(accepted.length);
          expect(wills.length).toBeLessThanOrEqual(racers.length - 1);
        }
        expect(broker.logged('turn failed')).toEqual([]);
      },
    );
  }

  describe('waits until the first one has ended:', () => {
    /** What the observer hears about a topic, as texts. */
    async function heard(): Promise<string[]> {
      return (await broker.heardBy(observer)).map(({ text }) => text);
    }

    for (const clean of [true, false]) {
      clause('v3 MQTT-3.1.4-2', `its will comes before CONNACK, clean ${Number(clean)}`, async () => {
        for (let round = 0; round < 10; round++) {
          const topic = `from/device ${clean} ${round}`;
          const will = { topic, payload: Buffer.from('offline'), qos: 1, retain: true } as const;
          await broker.connect(topic, { clean, will });
          const second = await broker.connect(topic, { clean, will });
          await second.publish(topic, 'online', { qos: 1, retain: true });
          expect(await heard()).toEqual(['offline', 'online']);
          const visitor = await broker.connect('visitor');
          await visitor.subscribe(1, topic);
          expect(await visitor.hear()).toMatchObject({ text: 'online', retain: true });
          await second.disconnect();
          await visitor.disconnect();
        }
      });
    }

    clause('v3 MQTT-3.1.2-6', 'a session that has just ended is not resumed', async () => {
      for (let round = 0; round < 10; round++) {
        const first = await broker.connect('brief', { clean: true });
        first.send({ cmd: 'disconnect' });
        const second = await broker.connect('brief', { clean: false });
        expect(second.connack).toMatchObject({ sessionPresent: false });
        await second.disconnect();
        const third = await broker.connect('brief', { clean: true });
        await third.disconnect();
      }
    });

    it('whatever the first one had sent is handled before what the second one sends', async () => {
      for (let round = 0; round < 10; round++) {
        const first = await broker.resume('writer');
        for (let count = 0; count < 5; count++) first.send(publishPacket('from/writer', `first ${count}`));
        const second = await broker.resume('writer');
        await second.publish('from/writer', 'second', { qos: 1 });

        expect(await heard()).toEqual([0, 1, 2, 3, 4].map((count) => `first ${count}`).concat('second'));
        await second.disconnect();
      }
    });

    it('what the second one sends behind its CONNECT without waiting for CONNACK is kept, in one frame and in others', async () => {
      const will = willOf('eager');
      await broker.connect('eager', { will });
      const second = await broker.open();
      second.send(connectPacket('eager'), publishPacket('from/eager', '1', { qos: 1, messageId: 1 }));
      second.send(publishPacket('from/eager', '2', { qos: 2, messageId: 2 }));
      second.send({ cmd: 'pubrel', messageId: 2 }, publishPacket('from/eager', '3', { qos: 1, messageId: 3 }));
      await second.next('connack');
      await second.next('pubcomp');

      expect(await heard()).toEqual(['displaced', '1', '2', '3']);
      expect(await second.next('puback')).toMatchObject({ messageId: 1 });
      await second.ping();
      await second.disconnect();
    });

    it('also of a second one that leaves before its CONNACK', async () => {
      await broker.connect('hasty', { will: willOf('hasty') });
      const second = await broker.open();
      second.send(connectPacket('hasty'), publishPacket('from/hasty', 'said'), { cmd: 'disconnect' });
      second.socket.close();
      await broker.cloud.settled();

      expect(await heard()).toEqual(['displaced', 'said']);
      expect((await broker.rows()).filter((row) => row.includes('hasty'))).toEqual([]);
    });

    it('is closed when a third one comes while it waits, and leaves nothing', async () => {
      const before = await broker.rows();
      await broker.connect('crowded');
      const others = [await broker.open(), await broker.open(), await broker.open()];
      for (const other of others) other.send(connectPacket('crowded'));
      const last = others[2] as TextClient;
      await last.next('connack');
      await Promise.all(others.slice(0, 2).map((other) => other.closed())); // while the last one is there: it might come in behind it
      await last.disconnect();
      await last.closed();

      expect(await broker.rows()).toEqual(before);
    });

    it('fifty that take over at once all come in', async () => {
      const ids = Array.from({ length: 50 }, (_, index) => `fleet ${index}`);
      const first = [];
      for (const id of ids) first.push(await broker.resume(id, { will: willOf(id) }));
      const second = [];
      for (const _ of ids) second.push(await broker.open());
      for (const [index, client] of second.entries()) client.send(connectPacket(ids[index] as string, false));
      const answers = await Promise.all(second.map((client) => client.next('connack')));

      expect(answers.every(({ returnCode, sessionPresent }) => returnCode === 0 && sessionPresent)).toBe(true);
      expect(new Set(await heard())).toEqual(new Set(['displaced']));
      await Promise.all(second.map((client) => client.disconnect()));
      expect(broker.logged('superseded')).toEqual([]);
    });
  });
});

describe('a second connection whose first one does not come to its end', () => {
  let broker: TestBroker;

  beforeEach(async () => {
    broker = await TestBroker.start({ visibilitySeconds: 30 });
  });

  afterEach(() => broker.stop());

  /** Lets the worker die that handles the next frame of a client, so that its stream stands still. */
  async function stall(client: TextClient, packet: Packet): Promise<void> {
    const rule = { fault: 'call', outcome: 'kill', when: 'before', function: 'onPackets', times: 1 } as const;
    await broker.cloud.faults.set(rule);
    client.send(packet);
    await broker.struck();
    await broker.cloud.faults.clear();
  }

  /** Lets the time pass that a connection waits for one whose worker died. */
  async function pass(): Promise<void> {
    await broker.wrote('taken over');
    broker.cloud.clock.jump(6_000);
    await broker.wrote('taken over', 2); // the last turn of the other one may still be running
    broker.cloud.clock.jump(22_000);
  }

  it('is let in when its last turn is certainly over, behind its will, and later frames of it are dropped', async () => {
    broker.cloud.clock.hold();
    const observer = await broker.connect('observer');
    await observer.subscribe(1, 'stuck/#');
    const will = { topic: 'stuck/will', payload: Buffer.from('gone'), qos: 1, retain: false } as const;
    const first = await broker.resume('stuck', { will });
    await stall(first, publishPacket('stuck/a', 'late', { qos: 1, messageId: 1 }));
    const second = await broker.open();
    second.send(connectPacket('stuck', false));
    await pass();
    expect(await second.next('connack')).toMatchObject({ sessionPresent: true });
    await second.publish('stuck/a', 'now', { qos: 1 });

    expect(broker.logged('superseded')).toHaveLength(1);
    broker.cloud.clock.jump(31_000);
    await broker.cloud.settled();
    expect((await broker.heardBy(observer)).map(({ text }) => text)).toEqual(['gone', 'now']);
  });

  it('routes a QoS 2 message once that the last turn of the first one may have been routing', async () => {
    broker.cloud.clock.hold();
    const observer = await broker.connect('observer');
    await observer.subscribe(2, 'stuck/#');
    const first = await broker.resume('stuck');
    first.send(publishPacket('stuck/a', 'once', { qos: 2, messageId: 1 }));
    await first.next('pubrec');
    await broker.cloud.settled();
    await stall(first, { cmd: 'pubrel', messageId: 1 });
    const second = await broker.open();
    second.send(connectPacket('stuck', false), { cmd: 'pubrel', messageId: 1 });
    await pass();
    await second.next('connack');
    await second.next('pubcomp');
    broker.cloud.clock.jump(31_000);
    await broker.cloud.settled();

    expect(await observer.hear()).toMatchObject({ text: 'once', qos: 2 });
    expect(await broker.heardBy(observer)).toEqual([]);
  });
});

describe('a second connection whose first one comes late to its end', () => {
  it('waits on, behind all that the first one has sent and its will', async () => {
    const broker = await TestBroker.start({ visibilitySeconds: 12 });
    broker.cloud.clock.hold();
    const observer = await broker.connect('observer');
    await observer.subscribe(1, 'late/#');
    const will = { topic: 'late/will', payload: Buffer.from('gone'), qos: 1, retain: false } as const;
    const first = await broker.resume('late', { will });
    await broker.cloud.settled();
    await broker.cloud.faults.set({ fault: 'call', outcome: 'kill', when: 'before', function: 'onPackets', times: 1 });
    first.send(publishPacket('late/a', 'said', { qos: 1, messageId: 1 }));
    await broker.struck();
    await broker.cloud.faults.clear();
    const second = await broker.open();
    second.send(connectPacket('late', false));
    await broker.wrote('taken over');
    broker.cloud.clock.jump(6_000);
    await broker.wrote('taken over', 2); // the first one is marked
    broker.cloud.clock.jump(7_000);
    expect(await second.next('connack')).toMatchObject({ sessionPresent: true });
    await second.publish('late/a', 'now', { qos: 1 });

    expect((await broker.heardBy(observer)).map(({ text }) => text)).toEqual(['said', 'gone', 'now']);
    expect(broker.logged('superseded')).toEqual([]);
    await broker.stop();
  });
});

it('takes a turn for over only after the function that runs it would have been ended', () => {
  expect(longestTurn).toBeGreaterThan(functions.onPackets.timeoutSeconds * 1000);
});

function connectPacket(clientId: string, clean = true): IConnectPacket {
  return { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean, keepalive: 60 };
}
