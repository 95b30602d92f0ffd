import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventAttempts } from '../../lambdas/deployment';
import type { CallFault } from '../../local/fault-rules';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

/** Fault that kills the container at a call, so many times. */
function kills(times: number, call: Partial<CallFault>): CallFault {
  return { fault: 'call', outcome: 'kill', when: 'before', function: 'onPackets', times, ...call };
}

/** More kills than the queue has attempts for an event. */
const unlucky = 3;

describe('an event whose attempts all die', () => {
  let broker: TestBroker;
  let subscriber: TextClient;

  beforeEach(async () => {
    broker = await TestBroker.start({ visibilitySeconds: 0.2 });
    subscriber = await broker.resume('subscriber');
    await subscriber.subscribe(2, 'said/#');
  });

  afterEach(() => broker.stop());

  async function hearAll(): Promise<string[]> {
    const texts: string[] = [];
    for (;;) {
      await broker.cloud.settled();
      await subscriber.ping();
      const publishes = subscriber.rest().filter((packet) => packet.cmd === 'publish');
      if (publishes.length === 0) return texts;
      for (const publish of publishes) {
        texts.push(String(publish.payload));
        await subscriber.acknowledge(publish);
      }
    }
  }

  clause('v3 MQTT-4.8.0-2', 'closes its connection, whose client comes back and loses nothing', async () => {
    const will = { topic: 'said/will', payload: Buffer.from('gave up'), qos: 1, retain: false } as const;
    const publisher = await broker.resume('publisher', { will });
    await broker.cloud.faults.set(
      kills(eventAttempts, { operation: 'PostToConnection' }),
      kills(unlucky, { operation: 'DeleteConnection' }),
    );
    const packet = {
      cmd: 'publish',
      topic: 'said',
      qos: 1,
      messageId: 1,
      payload: 'important',
      retain: false,
    } as const;
    publisher.send({ ...packet, dup: false });

    await publisher.closed();
    const again = await broker.resume('publisher');
    again.send({ ...packet, dup: true });
    await again.next('puback');

    expect(new Set(await hearAll())).toEqual(new Set(['important', 'gave up']));
    expect(broker.cloud.deadLetters()).toEqual([]);
  });

  it('leaves no reserved message that later messages could overtake', async () => {
    const publisher = await broker.connect('publisher');
    await broker.cloud.faults.set({ fault: 'call', outcome: 'throttle', operation: 'PostToConnection' });
    publisher.send(...[1, 2, 3].map((id) => publishPacket('said', String(id), { qos: 1, messageId: id })));
    await publisher.closed(); // its acknowledgements are not sent either
    await broker.cloud.faults.clear();
    await broker.cloud.faults.set(
      kills(eventAttempts, { operation: 'PostToConnection' }),
      kills(unlucky, { operation: 'DeleteConnection' }),
    );
    await subscriber.closed();
    subscriber = await broker.resume('subscriber');
    await (await broker.connect('other')).publish('said', '4', { qos: 1 });

    expect(await hearAll()).toEqual(['1', '2', '3', '4']);
    expect(broker.cloud.deadLetters()).toEqual([]);
  });
});
