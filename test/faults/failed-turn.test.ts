import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import { publishPacket } from '../support/text-client';

describe('a turn that fails while one of its calls is pending', () => {
  let broker: TestBroker;

  beforeEach(async () => {
    broker = await TestBroker.start({ visibilitySeconds: 0.2, events: { messages: ['said'] } });
  });

  afterEach(() => broker.stop());

  clause('v3 MQTT-4.3.3-2', 'leaves nothing of it behind that goes on beside its repetition', async () => {
    const subscriber = await broker.resume('subscriber');
    await subscriber.subscribe(2, 'said');
    await broker.lose(subscriber); // so that all routed messages are queued
    const publisher = await broker.connect('publisher');
    const messages = ['one', 'two'].map((text, index) => publishPacket('said', text, { qos: 2, messageId: index + 1 }));
    publisher.send(...messages);
    await publisher.next('pubrec');
    await publisher.next('pubrec');
    await broker.cloud.settled();
    // EventBridge refuses the event at once, while the concurrent delivery retries.
    const onPackets = { fault: 'call', function: 'onPackets' } as const;
    await broker.cloud.faults.set(
      { ...onPackets, outcome: 'partial', queue: 'timer', times: 1 },
      { ...onPackets, outcome: 'throttle', table: 'topicIndex', times: 4 },
      { ...onPackets, outcome: 'throttle', table: 'sessions', operation: 'UpdateItem', times: 4 },
    );
    publisher.send({ cmd: 'pubrel', messageId: 1 }, { cmd: 'pubrel', messageId: 2 });
    await publisher.next('pubcomp');
    await publisher.next('pubcomp');

    const heard = await broker.heardBy(await broker.resume('subscriber'));
    expect(heard.map(({ text }) => text)).toEqual(['one', 'two']);
  });
});
