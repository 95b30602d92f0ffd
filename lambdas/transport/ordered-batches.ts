import type { BatchEntry, NewMessage, Sqs } from '../aws/sqs';
import { inBatches } from './batches';

type BatchSender = Pick<Sqs, 'sendMessageBatch'>;

/**
 * Sends messages batch after batch, so that the queue has them in order. A batch may be as large as a single message, so only
 * small messages share one.
 *
 * @throws Error if SQS has not queued all of them. Those of earlier batches are queued then.
 */
export async function sendInOrder(sqs: BatchSender, url: string, messages: readonly NewMessage[]): Promise<void> {
  const entries = messages.map((message, index): BatchEntry => ({ Id: String(index), ...message }));
  for (const batch of inBatches(entries, ({ MessageBody }) => Buffer.byteLength(MessageBody))) {
    await sendBatch(sqs, url, batch);
  }
}

async function sendBatch(sqs: BatchSender, QueueUrl: string, Entries: BatchEntry[]): Promise<void> {
  const [failed, ...others] = await sqs.sendMessageBatch({ QueueUrl, Entries });
  if (failed) throw new Error(`${1 + others.length} messages were not queued: ${failed.Code}`);
}
