import { randomUUID } from 'node:crypto';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { checkDeadline, closeUnlessOpen } from './broker/timekeeper';
import { toTimerTask } from './transport/queues';
import { timekeeperPorts } from './wiring/timekeeper-ports';

const ports = timekeeperPorts(process.env);

/** Consumes the timer queue. */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const failed = await Promise.all(event.Records.map(work));
  ports.metrics.write();
  return { batchItemFailures: failed.flat() };
}

async function work(record: SQSRecord): Promise<{ itemIdentifier: string }[]> {
  try {
    const task = toTimerTask(record);
    if (task.task === 'check') await checkDeadline(ports, task);
    else if (task.task === 'greet') await closeUnlessOpen(ports, task.connectionId);
    else await ports.packets.wake(task.connectionId, randomUUID());
    return [];
  } catch (error) {
    ports.log('timer failed', { error: String(error), stack: (error as Error).stack ?? '' });
    return [{ itemIdentifier: record.messageId }];
  }
}
