import { createHash } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import type { NewMessage, Sqs } from '../aws/sqs';
import type { BridgeEntry } from '../bridge/bridge-config';
import { outwards } from '../bridge/mapping';
import type { IdentifiedMessage } from '../broker/model/fan-out-job';
import type { BridgeQueue } from '../broker/ports/queues';
import { asciiJson } from '../protocol/ascii-json';
import type { Message } from '../protocol/effects';
import { fromJson, type MessageJson, toJson } from './message-json';
import { sendInOrder } from './ordered-batches';

/** Groups of the queue, which are worked off side by side. All messages of a topic are in one, so they keep their order. */
const shards = 16;

/** The way out of the broker, durable when `forward` returns. */
export class SqsBridgeQueue implements BridgeQueue {
  constructor(
    private readonly sqs: Pick<Sqs, 'sendMessageBatch'>,
    private readonly url: string,
    private readonly entries: readonly BridgeEntry[],
  ) {}

  async forward(messages: readonly IdentifiedMessage[]): Promise<void> {
    const passing = messages.flatMap((one) => this.passing(one));
    if (passing.length > 0) await sendInOrder(this.sqs, this.url, passing);
  }

  private passing({ id, message }: IdentifiedMessage): NewMessage[] {
    if (message.origin === 'bridge') return []; // what came in never goes out
    const { publisher: _publisher, ...said } = message;
    return outwards(this.entries, message).map((passage, index) => ({
      MessageBody: asciiJson(toJson({ ...said, ...passage })),
      MessageGroupId: shardOf(passage.topic),
      MessageDeduplicationId: `${id}#${index}`.slice(-128), // SQS: at most 128 characters; the beginning is the least telling part
    }));
  }
}

/** A record of the queue: the message as it is to arrive on the other side. */
export function toRemoteMessage({ body }: SQSRecord): Message {
  return fromJson(JSON.parse(body) as MessageJson);
}

function shardOf(topic: string): string {
  return String((createHash('sha256').update(topic).digest()[0] ?? 0) % shards);
}
