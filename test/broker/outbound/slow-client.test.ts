/* A client that takes nothing for a while: the gateway returns 429 for each post to it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestBroker } from '../../support/test-broker';
import type { TextClient } from '../../support/text-client';

describe('a client that takes nothing for a while', () => {
  let broker: TestBroker;
  let slow: TextClient;

  beforeEach(async () => {
    broker = await TestBroker.start();
    slow = await broker.resume('slow');
    await slow.subscribe(1, 'topic');
  });

  afterEach(() => broker.stop());

  async function invocations(): Promise<number> {
    return (await broker.cloud.bill()).lambda.functions.onPackets?.invocations ?? 0;
  }

  it('gets no further post until a timer comes, so that it does not delay the function', async () => {
    const publisher = await broker.connect('publisher');
    await broker.cloud.faults.set({ fault: 'call', outcome: 'throttle', operation: 'PostToConnection', times: 1 });
    await publisher.publish('topic', 'x', { qos: 1 });
    await broker.cloud.settled();
    await broker.cloud.resetBill();
    await broker.cloud.faults.set({ fault: 'call', outcome: 'throttle', operation: 'PostToConnection' });
    while ((await invocations()) === 0) await sleep(20);

    expect(broker.logged('post failed')).toHaveLength(2);
    await broker.cloud.faults.clear();
    expect(await slow.hear()).toMatchObject({ text: 'x' });
  });
});
