/*
 * Proved elsewhere: what of the session is there for the next connection: session.test.ts, qos.test.ts.
 * Not proved here: a CONNECT so late that its connection is older than the owner's, beyond the races below.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

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
        await second.closed(); // nobody knows whether it had its CONNACK
        await unlucky.connect('same', { clean });

        await first.closed();
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
});
