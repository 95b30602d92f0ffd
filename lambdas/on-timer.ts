import { randomUUID } from 'node:crypto';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { checkConnection, closeUnlessConnected, extraSweep } from './broker/expiry/sweep';
import { checkShapes } from './broker/topic-index/check-shapes';
import type { EventTask } from './transport/events';
import { type TimerTask, toTimerTask } from './transport/queues';
import { clientsFor } from './wiring/clients';
import { metricsFor } from './wiring/environment';
import { eventBusFor } from './wiring/event-bus';
import { shapePorts } from './wiring/shape-ports';
import { sweepPorts } from './wiring/sweep-ports';

const metrics = metricsFor(process.env);
const clients = clientsFor(process.env, metrics);
const ports = { ...sweepPorts(process.env, metrics, clients), ...shapePorts(process.env, clients) };
const bus = eventBusFor(process.env, metrics);

interface Received<Task> {
  readonly record: SQSRecord;
  readonly task: Task;
}

/** Consumes the timer queue: connections to look at, and events on their way to EventBridge. */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const received = event.Records.map((record) => ({ record, task: toTimerTask(record) }));
  const failed = await Promise.all([
    handOn(received.filter(isEvent)),
    ...received.filter((one): one is Received<TimerTask> => !isEvent(one)).map(work),
  ]);
  ports.metrics.write();
  return { batchItemFailures: failed.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

function isEvent(one: Received<TimerTask | EventTask>): one is Received<EventTask> {
  return one.task.task === 'event';
}

/** What EventBridge does not take is delivered again. Where nobody is told any more, nobody is. */
async function handOn(received: readonly Received<EventTask>[]): Promise<SQSRecord[]> {
  if (!bus || received.length === 0) return [];
  const notTaken = await bus.put(received.map(({ task }) => task));
  const reasons = new Set(notTaken.map(({ reason }) => reason));
  if (notTaken.length > 0) ports.log('events not taken', { count: notTaken.length, reason: [...reasons].join('; ') });
  const failed = new Set<unknown>(notTaken.map(({ event }) => event));
  return received.filter(({ task }) => failed.has(task)).map(({ record }) => record);
}

async function work({ record, task }: Received<TimerTask>): Promise<SQSRecord[]> {
  try {
    if (task.task === 'check') {
      await checkConnection(ports, { connectionId: task.connectionId, renews: task.again === true });
    } else if (task.task === 'look') await extraSweep(ports);
    else if (task.task === 'shapes') await checkShapes(ports);
    else if (task.task === 'greet') await closeUnlessConnected(ports, task.connectionId);
    else await ports.packets.wake(task.connectionId, randomUUID());
    return [];
  } catch (error) {
    ports.log('timer failed', { error: String(error), stack: (error as Error).stack ?? '' });
    return [record];
  }
}
