import { randomUUID } from 'node:crypto';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { checkConnection, closeUnlessConnected, extraSweep } from './broker/expiry/sweep';
import type { BrokerEvent } from './broker/ports/events';
import { checkShapes } from './broker/topic-index/check-shapes';
import { type TimerTask, toTimerTask } from './transport/timer-queue';
import { clientsFor } from './wiring/clients';
import { metricsFor } from './wiring/environment';
import { eventBusFor } from './wiring/event-bus';
import { shapePorts } from './wiring/shape-ports';
import { sweepPorts } from './wiring/sweep-ports';

const metrics = metricsFor(process.env);
const clients = clientsFor(process.env, metrics);
const ports = { ...sweepPorts(process.env, metrics, clients), ...shapePorts(process.env, clients) };
const bus = eventBusFor(process.env, metrics);

interface ReceivedEvent {
  readonly record: SQSRecord;
  readonly event: BrokerEvent;
}

/** Consumes the timer queue: checks of connections and shapes, and events for EventBridge. */
export async function handler({ Records }: SQSEvent): Promise<SQSBatchResponse> {
  const events: ReceivedEvent[] = [];
  const work: Promise<SQSRecord[]>[] = [];
  for (const record of Records) {
    const task = toTimerTask(record);
    if (task.kind === 'event') events.push({ record, event: task.event });
    else work.push(perform(task, record));
  }
  const failed = await Promise.all([putEvents(events), ...work]);
  ports.metrics.write();
  return { batchItemFailures: failed.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

/** Returns the records of events that EventBridge did not accept. Events are discarded if the operator has removed the bus. */
async function putEvents(received: readonly ReceivedEvent[]): Promise<SQSRecord[]> {
  if (!bus || received.length === 0) return [];
  const rejected = await bus.put(received.map(({ event }) => event));
  if (rejected.length === 0) return [];
  const reasons = new Set(rejected.map(({ reason }) => reason));
  ports.log('events not taken', { count: rejected.length, reason: [...reasons].join('; ') });
  const failed = new Set(rejected.map(({ event }) => event));
  return received.filter(({ event }) => failed.has(event)).map(({ record }) => record);
}

type OwnTask = Exclude<TimerTask, { kind: 'event' }>;

/** Returns the record if its task failed. */
async function perform(task: OwnTask, record: SQSRecord): Promise<SQSRecord[]> {
  try {
    await run(task);
    return [];
  } catch (error) {
    ports.log('timer failed', { error: String(error), stack: (error as Error).stack ?? '' });
    return [record];
  }
}

async function run(task: OwnTask): Promise<void> {
  switch (task.kind) {
    case 'checkConnection':
      return checkConnection(ports, task);
    case 'sweep':
      return extraSweep(ports);
    case 'checkShapes':
      return checkShapes(ports);
    case 'connectTimeout':
      return closeUnlessConnected(ports, task.connectionId);
    case 'wake':
      return ports.packets.wake(task.connectionId, randomUUID());
    case 'unknown':
      throw new Error(`unknown task: ${task.name}`);
  }
}
