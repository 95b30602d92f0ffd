import { describe, expect, it } from '@jest/globals';
import type { SQSRecord } from 'aws-lambda';
import type { SendMessageInput } from '../../lambdas/aws/sqs';
import type { BrokerEvent } from '../../lambdas/broker/ports/events';
import { eventBody, SqsTimerQueue, type TimerTask, toTimerTask } from '../../lambdas/transport/timer-queue';

const event: BrokerEvent = { type: 'message', id: '7', at: 1_800_000_000_000, detail: { topic: 'a/b' } };

function read(body: string): TimerTask {
  return toTimerTask({ body } as SQSRecord);
}

/** The messages that calls of the queue send. */
async function sentBy(schedule: (queue: SqsTimerQueue) => Promise<void>): Promise<SendMessageInput[]> {
  const sent: SendMessageInput[] = [];
  const queue = new SqsTimerQueue({ sendMessage: async (input) => void sent.push(input) }, 'url');
  await schedule(queue);
  return sent;
}

/** Another release may have sent a body, or may read it, so the bodies never change. */
const tasks: readonly (readonly [string, (queue: SqsTimerQueue) => Promise<void>, object, number, TimerTask])[] = [
  [
    'the check of a connection',
    (queue) => queue.scheduleCheck({ connectionId: 'c', delaySeconds: 60, renews: false }),
    { task: 'check', connectionId: 'c' },
    60,
    { kind: 'checkConnection', connectionId: 'c', renews: false },
  ],
  [
    'a check that schedules the next one',
    (queue) => queue.scheduleCheck({ connectionId: 'c', delaySeconds: 60, renews: true }),
    { task: 'check', connectionId: 'c', again: true },
    60,
    { kind: 'checkConnection', connectionId: 'c', renews: true },
  ],
  ['a sweep', (queue) => queue.scheduleSweep(20), { task: 'look' }, 20, { kind: 'sweep' }],
  ['the check of shapes', (queue) => queue.scheduleShapeCheck(), { task: 'shapes' }, 0, { kind: 'checkShapes' }],
  [
    'a wake',
    (queue) => queue.scheduleWake('c', 5),
    { task: 'wake', connectionId: 'c' },
    5,
    { kind: 'wake', connectionId: 'c' },
  ],
  [
    'the end of the time for CONNECT',
    (queue) => queue.scheduleConnectTimeout('c', 10),
    { task: 'greet', connectionId: 'c' },
    10,
    { kind: 'connectTimeout', connectionId: 'c' },
  ],
];

describe('the timer queue', () => {
  it.each(tasks)('carries %s', async (_title, schedule, body, DelaySeconds, task) => {
    const [message] = await sentBy(schedule);

    expect(message).toEqual({ QueueUrl: 'url', MessageBody: JSON.stringify(body), DelaySeconds });
    expect(read(JSON.stringify(body))).toEqual(task);
  });

  it('carries an event', () => {
    expect(JSON.parse(eventBody(event))).toEqual({ task: 'event', ...event });
    expect(read(eventBody(event))).toEqual({ kind: 'event', event });
  });

  it('names a task of a later release', () => {
    expect(read('{"task":"later"}')).toEqual({ kind: 'unknown', name: 'later' });
  });
});
