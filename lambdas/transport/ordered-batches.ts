import type { BatchEntry, NewMessage, Sqs } from '../aws/lean-sqs';

type BatchSender = Pick<Sqs, 'sendMessageBatch'>;

/** SQS: at most 10 messages in one batch, and 256 KiB in every Region and on every kind of queue. */
const messagesPerBatch = 10;
const largestBatch = 262_144;

/**
 * Sends messages one batch after the other, so that they lie in the queue in order. A batch is at most as large as one
 * message may be, so only small ones share one.
 */
export async function sendInOrder(sqs: BatchSender, url: string, messages: readonly NewMessage[]): Promise<void> {
  let batch: BatchEntry[] = [];
  let size = 0;
  for (const [index, message] of messages.entries()) {
    const length = Buffer.byteLength(message.MessageBody);
    if (batch.length === messagesPerBatch || (batch.length > 0 && size + length > largestBatch)) {
      await sendBatch(sqs, url, batch);
      batch = [];
      size = 0;
    }
    batch.push({ Id: String(index), ...message });
    size += length;
  }
  if (batch.length > 0) await sendBatch(sqs, url, batch);
}

async function sendBatch(sqs: BatchSender, QueueUrl: string, Entries: BatchEntry[]): Promise<void> {
  const [failed, ...others] = await sqs.sendMessageBatch({ QueueUrl, Entries });
  if (failed) throw new Error(`${1 + others.length} messages were not queued: ${failed.Code}`);
}
