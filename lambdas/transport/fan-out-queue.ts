import type { SQSRecord } from 'aws-lambda';
import type { NewMessage, Sqs } from '../aws/sqs';
import type { FanOutJob } from '../broker/model/fan-out-job';
import type { Subscriber } from '../broker/model/subscription';
import type { FanOutQueue } from '../broker/ports/queues';
import { asciiJson } from '../protocol/ascii-json';
import { together } from '../shared/parallel';
import { toDeduplicationId } from './deduplication-id';
import { fromJson, type MessageJson, toJson } from './message-json';
import { sendInOrder } from './ordered-batches';

/** Sends the parts of a large fan-out. Lambda processes shards in parallel, because each is a message group. */
export class SqsFanOutQueue implements FanOutQueue {
  constructor(
    private readonly sqs: Pick<Sqs, 'sendMessageBatch'>,
    private readonly url: string,
  ) {}

  /** Sends the jobs of one shard batch after batch, so that their order in the queue is the given one. */
  async send(jobs: readonly FanOutJob[]): Promise<void> {
    const shards = new Map<string, FanOutJob[]>();
    for (const job of jobs) shards.set(job.shard, [...(shards.get(job.shard) ?? []), job]);
    await together([...shards.values()].map((shard) => sendInOrder(this.sqs, this.url, shard.map(toMessage))));
  }
}

function toMessage(job: FanOutJob): NewMessage {
  return {
    MessageBody: asciiJson(toBody(job)),
    MessageGroupId: job.shard,
    MessageDeduplicationId: toDeduplicationId(job.id),
  };
}

interface FanOutBodyMessage {
  readonly id: string;
  readonly attempted: boolean;
  readonly receivedAt?: number;
  readonly message: MessageJson;
}

interface FanOutBody {
  readonly messages: readonly FanOutBodyMessage[];
  readonly subscribers: readonly Subscriber[];
}

function toBody({ messages, subscribers }: FanOutJob): FanOutBody {
  return {
    messages: messages.map(({ message, ...rest }) => ({ ...rest, message: toJson(message) })),
    subscribers,
  };
}

/** Reads a record of the fan-out queue. */
export function toFanOutJob(record: SQSRecord): FanOutJob {
  const { messages, subscribers } = JSON.parse(record.body) as FanOutBody;
  return {
    shard: record.attributes.MessageGroupId ?? '',
    id: record.messageId,
    messages: messages.map(({ message, ...rest }) => ({ ...rest, message: fromJson(message) })),
    subscribers,
  };
}
