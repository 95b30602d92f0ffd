/* A client that takes nothing for a while: the gateway answers 429 to whatever is posted to it. */
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
    await slow.subscribe(1, 'said');
  });

  afterEach(() => broker.stop());

  async function invocations(): Promise<number> {
    return (await broker.cloud.bill()).lambda.functions.onPackets?.invocations ?? 0;
  }

  it('is left alone until a timer comes, instead of holding up the function', async () => {
    const publisher = await broker.connect('publisher');
    await broker.cloud.faults.set({ fault: 'call', outcome: 'throttle', operation: 'PostToConnection', times: 1 });
    await publisher.publish('said', 'x', { qos: 1 });
    await broker.cloud.settled();
    await broker.cloud.resetBill();
    await broker.cloud.faults.set({ fault: 'call', outcome: 'throttle', operation: 'PostToConnection' });
    while ((await invocations()) === 0) await sleep(20);

    expect(broker.logged('post failed')).toHaveLength(2);
    await broker.cloud.faults.clear();
    expect(await slow.hear()).toMatchObject({ text: 'x' });
  });
});
