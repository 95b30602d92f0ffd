import { describe, expect, it } from '@jest/globals';
import type { EventEntry } from '../../lambdas/aws/event-bridge';
import type { SendMessageBatchInput, Sqs } from '../../lambdas/aws/sqs';
import type { BrokerEvent } from '../../lambdas/broker/ports/events';
import { noMetrics } from '../../lambdas/broker/ports/metrics';
import { EventBus } from '../../lambdas/transport/event-bus';
import { SqsEvents } from '../../lambdas/transport/event-queue';

const config = { bus: 'garage', lifecycle: true, messages: ['a/+'] };

function event(number: number, payload = ''): BrokerEvent {
  return { type: 'message', id: String(number), at: 1_800_000_000_000, detail: { topic: 'a/b', payload } };
}

function queue(failing = false) {
  const batches: SendMessageBatchInput[] = [];
  const logged: string[] = [];
  const sqs: Sqs = {
    sendMessage: async () => {},
    sendMessageBatch: async (input) => {
      batches.push(input);
      return failing ? [{ Id: '0', Code: 'InternalError' }] : [];
    },
  };
  const log = (name: string) => logged.push(name);
  const metrics = { ...noMetrics, count: log };
  return { batches, logged, events: new SqsEvents({ config, sqs, url: 'url', log, metrics }) };
}

describe('the event queue', () => {
  it('gets at most ten events and 256 KB in a call', async () => {
    const { batches, events } = queue();
    await events.send(Array.from({ length: 12 }, (_, number) => event(number)));
    await events.send([1, 2, 3].map((number) => event(number, 'x'.repeat(120_000))));

    expect(batches.map(({ Entries }) => Entries.length)).toEqual([10, 2, 2, 1]);
  });

  it('refuses and logs an event that EventBridge would refuse', async () => {
    const { batches, logged, events } = queue();
    await events.send([event(1, 'x'.repeat(262_000)), event(2)]);

    expect(logged).toEqual(['event too large', 'EventsRefused']);
    expect(batches.flatMap(({ Entries }) => Entries)).toHaveLength(1);
  });

  it('fails if an event was not queued', async () => {
    await expect(queue(true).events.send([event(1)])).rejects.toThrow('1 messages were not queued: InternalError');
  });

  it('wants messages of matching topics', () => {
    const { events } = queue();

    expect(['a/b', 'a', 'b/a'].map((topic) => events.wantsMessage(topic))).toEqual([true, false, false]);
  });
});

describe('the event bus', () => {
  it('returns rejected events with their reasons, single ones and those of a failed call', async () => {
    const putEvents = async (entries: readonly EventEntry[]) => {
      if (entries.length < 10) throw new Error('away');
      return entries.map((_, index) => (index === 3 ? { ErrorCode: 'InternalFailure', ErrorMessage: 'later' } : {}));
    };
    const events = Array.from({ length: 12 }, (_, number) => event(number));

    const rejected = await new EventBus({ putEvents }, 'garage', 'broker').put(events);

    expect(rejected.map(({ event: { id }, reason }) => `${id} ${reason}`)).toEqual([
      '3 InternalFailure: later',
      '10 Error: away',
      '11 Error: away',
    ]);
  });
});
