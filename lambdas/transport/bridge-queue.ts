import { createHash } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import type { NewMessage, Sqs } from '../aws/sqs';
import type { BridgeEntry } from '../bridge/bridge-config';
import { outwards } from '../bridge/mapping';
import type { IdentifiedMessage } from '../broker/model/fan-out-job';
import type { BridgeQueue } from '../broker/ports/queues';
import { asciiJson } from '../protocol/ascii-json';
import type { Message } from '../protocol/effects';
import { toDeduplicationId } from './deduplication-id';
import { fromJson, type MessageJson, toJson } from './message-json';
import { sendInOrder } from './ordered-batches';

/** Message groups of the queue, which are processed in parallel. All messages of a topic are in one, so they keep their order. */
const shardCount = 16;

/** Queues messages for AWS IoT Core. They are durable when `forward` returns. */
export class SqsBridgeQueue implements BridgeQueue {
  constructor(
    private readonly sqs: Pick<Sqs, 'sendMessageBatch'>,
    private readonly url: string,
    private readonly entries: readonly BridgeEntry[],
  ) {}

  async forward(messages: readonly IdentifiedMessage[]): Promise<void> {
    const outgoing = messages.flatMap((message) => this.toMessages(message));
    if (outgoing.length > 0) await sendInOrder(this.sqs, this.url, outgoing);
  }

  /** Returns one message for each entry of the bridge that matches. A message from the bridge never goes back: no loops. */
  private toMessages({ id, message }: IdentifiedMessage): NewMessage[] {
    if (message.origin === 'bridge') return [];
    const { publisher: _publisher, ...content } = message;
    return outwards(this.entries, message).map((mapped, index) => ({
      MessageBody: asciiJson(toJson({ ...content, ...mapped })),
      MessageGroupId: shardOf(mapped.topic),
      MessageDeduplicationId: toDeduplicationId(`${id}#${index}`),
    }));
  }
}

/** Reads a record of the queue: the message with its topic on the other side. */
export function toRemoteMessage({ body }: SQSRecord): Message {
  return fromJson(JSON.parse(body) as MessageJson);
}

function shardOf(topic: string): string {
  return String((createHash('sha256').update(topic).digest()[0] ?? 0) % shardCount);
}
