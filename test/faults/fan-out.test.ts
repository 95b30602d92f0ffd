import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import { publishPacket } from '../support/text-client';

/** Visibility timeout of the queue in seconds. The test moves the clock. */
const visibilitySeconds = 1;

describe('a message to many subscribers whose worker dies after it has queued the fan-out jobs', () => {
  let broker: TestBroker;

  beforeEach(async () => {
    broker = await TestBroker.start({ visibilitySeconds, settings: { inlineRecipients: 1 } });
    broker.cloud.clock.hold();
  });

  afterEach(() => broker.stop());

  clause('v3 MQTT-4.3.2-2', 'does not take what its repetition brings besides for what was queued before', async () => {
    const [listener, other] = await Promise.all([broker.connect('listener'), broker.connect('other')]);
    await Promise.all([listener, other].map((client) => client.subscribe(1, 'said')));
    const publisher = await broker.connect('publisher');
    await broker.cloud.settled();
    const { frames } = (await broker.cloud.bill()).gateway;
    await broker.cloud.faults.set({ fault: 'call', outcome: 'kill', when: 'after', queue: 'fanOut', times: 1 });
    publisher.send(publishPacket('said', 'first', { qos: 1, messageId: 1 }));
    await broker.struck();
    publisher.send(publishPacket('said', 'second', { qos: 1, messageId: 2 })); // waits behind the first one
    while ((await broker.cloud.bill()).gateway.frames < frames + 2) await sleep(2);
    broker.cloud.clock.jump(visibilitySeconds * 1000);
    await publisher.next('puback');
    await publisher.next('puback');

    const texts = (await broker.heardBy(listener)).map(({ text }) => text);
    expect([...new Set(texts)]).toEqual(['first', 'second']);
  });
});
