import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { eventAttempts } from '../../lambdas/deployment';
import type { CallFault } from '../../local/fault-rules';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

/** Visibility timeout of the queue in seconds, longer than the takeover timeout. The test moves the clock. */
const visibilitySeconds = 120;

describe('a QoS 2 message whose publisher reconnects', () => {
  let broker: TestBroker;
  let subscriber: TextClient;

  /** The subscriber is disconnected, so that all routed messages are queued. */
  beforeEach(async () => {
    broker = await TestBroker.start({ visibilitySeconds, settings: { connectTimeout: 60 } });
    broker.cloud.clock.hold();
    subscriber = await broker.resume('subscriber');
    await subscriber.subscribe(2, 'said');
    await broker.lose(subscriber);
  });

  afterEach(() => broker.stop());

  /** Sets a fault for a call of `onPackets`. */
  async function strike(outcome: CallFault['outcome'], call: Partial<CallFault>): Promise<void> {
    await broker.cloud.settled();
    await broker.cloud.faults.clear();
    await broker.cloud.faults.set({ fault: 'call', outcome, function: 'onPackets', times: 1, ...call });
  }

  async function struck(times: number): Promise<void> {
    while ((broker.cloud.faults.report()[0]?.struck ?? 0) < times) await sleep(2);
  }

  /** Lets the queue deliver the pending events again. */
  function passVisibility(): void {
    broker.cloud.clock.jump(visibilitySeconds * 1000);
  }

  /** Connects the publisher without keep-alive. */
  function publisher(): Promise<TextClient> {
    return broker.resume('publisher', { keepalive: 0 });
  }

  /** Reconnects the publisher while its older connection does not end, and moves the clock until CONNACK arrives. */
  async function takeOver(): Promise<TextClient> {
    const after = publisher();
    while ((await Promise.race([after, sleep(20)])) === undefined) broker.cloud.clock.jump(1000);
    return after;
  }

  async function heardInAll(): Promise<string[]> {
    subscriber = await broker.resume('subscriber');
    return (await broker.heardBy(subscriber)).map(({ text }) => text);
  }

  clause('v3 MQTT-4.3.3-2', 'is delivered when the answer to its adoption gets lost', async () => {
    const before = await publisher();
    before.send(publishPacket('said', 'once', { qos: 2, messageId: 9 }));
    await before.next('pubrec');
    await broker.lose(before);

    const after = await publisher();
    await strike('fail', { operation: 'UpdateItem', table: 'inflight', when: 'after' });
    after.send({ cmd: 'pubrel', messageId: 9 });
    await after.next('pubcomp');
    await struck(1);

    expect(await heardInAll()).toEqual(['once']);
  });

  clause(
    'v3 MQTT-4.3.3-2',
    'is delivered once when it had been routed and the answer to its adoption gets lost',
    async () => {
      const before = await publisher();
      before.send(publishPacket('said', 'once', { qos: 2, messageId: 9 }));
      await before.next('pubrec');
      // Each attempt finds the message routed and dies before it deletes it, until the queue gives the event up.
      const forgetting = { operation: 'BatchWriteItem', table: 'inflight', skip: 1 } as const;
      await strike('kill', { ...forgetting, times: eventAttempts });
      before.send({ cmd: 'pubrel', messageId: 9 });
      for (let attempt = 1; attempt <= eventAttempts; attempt++) {
        await struck(attempt);
        passVisibility();
      }
      await before.closed();

      await strike('fail', { operation: 'UpdateItem', table: 'inflight', when: 'after' });
      const after = await publisher();
      after.send({ cmd: 'pubrel', messageId: 9 });
      await after.next('pubcomp');
      await struck(1);

      expect(await heardInAll()).toEqual(['once']);
    },
  );

  clause('v3 MQTT-4.3.3-2', 'is kept when PUBREL of an earlier one with its packet id is repeated', async () => {
    const before = await publisher();
    before.send(publishPacket('said', 'first', { qos: 2, messageId: 9 }));
    await before.next('pubrec');
    await strike('kill', { operation: 'PostToConnection', when: 'after' });
    before.send({ cmd: 'pubrel', messageId: 9 });
    await before.next('pubcomp');
    await struck(1);
    const after = await takeOver();
    after.send(publishPacket('said', 'second', { qos: 2, messageId: 9 }));
    await after.next('pubrec');

    passVisibility();
    await broker.cloud.settled();
    after.send({ cmd: 'pubrel', messageId: 9 });
    await after.next('pubcomp');

    expect(await heardInAll()).toEqual(['first', 'second']);
  });

  clause('v3 MQTT-4.3.3-2', 'is delivered once when its first PUBLISH is worked off after its handshake', async () => {
    const before = await publisher();
    await strike('kill', { operation: 'BatchWriteItem', table: 'inflight' });
    before.send(publishPacket('said', 'once', { qos: 2, messageId: 9 }));
    await struck(1);
    const after = await takeOver();
    after.send(publishPacket('said', 'once', { qos: 2, messageId: 9, dup: true }));
    await after.next('pubrec');
    after.send({ cmd: 'pubrel', messageId: 9 });
    await after.next('pubcomp');

    passVisibility();
    await broker.lose(after);
    const last = await publisher();
    last.send({ cmd: 'pubrel', messageId: 9 });
    await last.next('pubcomp');

    expect(await heardInAll()).toEqual(['once']);
  });
});
