import { randomUUID } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import type { BatchEntry, Sqs } from '../aws/lean-sqs';
import type { ConnectionEvent } from '../broker/inbox';
import type { Clock, Deadline, FanOutJob, FanOutQueue, PacketQueue, Subscriber, TimerQueue } from '../broker/ports';
import { attributes } from '../deployment';
import type { ForwardedProperties, Message } from '../protocol/effects';

/** SQS: at most 10 messages in one batch. */
const messagesPerBatch = 10;

/** The broker's own events in the ordered stream of a connection. */
export class SqsPacketQueue implements PacketQueue {
  constructor(
    private readonly sqs: Sqs,
    private readonly url: string,
    private readonly now: Clock,
  ) {}

  wake(connectionId: string, occasion: number | string): Promise<void> {
    return this.send(connectionId, 'wake', `wake#${connectionId}#${occasion}`);
  }

  disconnect(connectionId: string): Promise<void> {
    return this.send(connectionId, 'disconnect', `disconnect#${connectionId}`);
  }

  expire(connectionId: string): Promise<void> {
    return this.send(connectionId, 'expired', randomUUID());
  }

  private send(connectionId: string, kind: ConnectionEvent['kind'], deduplicationId: string): Promise<void> {
    return this.sqs.sendMessage({
      QueueUrl: this.url,
      MessageBody: kind, // SQS takes no empty body
      MessageGroupId: connectionId,
      MessageDeduplicationId: deduplicationId,
      MessageAttributes: {
        [attributes.event]: { DataType: 'String', StringValue: kind },
        [attributes.receivedAt]: { DataType: 'String', StringValue: String(this.now()) },
      },
    });
  }
}

/** What the timer queue asks for. */
export type TimerTask =
  | { readonly task: 'check'; readonly due: string; readonly connectionId: string }
  | { readonly task: 'wake'; readonly connectionId: string }
  | { readonly task: 'greet'; readonly connectionId: string };

/** Delayed tasks. Each may come twice: a second look at a deadline or a connection finds nothing to do. */
export class SqsTimerQueue implements TimerQueue {
  constructor(
    private readonly sqs: Sqs,
    private readonly url: string,
  ) {}

  check({ due, connectionId }: Deadline, delaySeconds: number): Promise<void> {
    return this.send({ task: 'check', due, connectionId }, delaySeconds);
  }

  wake(connectionId: string, delaySeconds: number): Promise<void> {
    return this.send({ task: 'wake', connectionId }, delaySeconds);
  }

  greet(connectionId: string, delaySeconds: number): Promise<void> {
    return this.send({ task: 'greet', connectionId }, delaySeconds);
  }

  private send(task: TimerTask, delaySeconds: number): Promise<void> {
    const MessageBody = JSON.stringify(task);
    return this.sqs.sendMessage({ QueueUrl: this.url, MessageBody, DelaySeconds: delaySeconds });
  }
}

/** Large audiences, in shards that are worked off side by side. */
export class SqsFanOutQueue implements FanOutQueue {
  constructor(
    private readonly sqs: Sqs,
    private readonly url: string,
  ) {}

  /** Messages of one shard are sent one batch after the other, so that they lie in the queue in order. */
  async send(jobs: readonly FanOutJob[]): Promise<void> {
    const shards = new Map<string, FanOutJob[]>();
    for (const job of jobs) shards.set(job.shard, [...(shards.get(job.shard) ?? []), job]);
    await Promise.all([...shards.values()].map((shard) => this.sendShard(shard)));
  }

  /** SQS: a batch is at most as large as one message may be, so only small jobs share one. */
  private async sendShard(jobs: readonly FanOutJob[]): Promise<void> {
    let batch: BatchEntry[] = [];
    let size = 0;
    for (const [index, job] of jobs.entries()) {
      const entry = toEntry(job, index);
      const length = Buffer.byteLength(entry.MessageBody);
      if (batch.length === messagesPerBatch || (batch.length > 0 && size + length > largestBatch)) {
        await this.sendBatch(batch);
        batch = [];
        size = 0;
      }
      batch.push(entry);
      size += length;
    }
    if (batch.length > 0) await this.sendBatch(batch);
  }

  private async sendBatch(Entries: BatchEntry[]): Promise<void> {
    const [failed, ...others] = await this.sqs.sendMessageBatch({ QueueUrl: this.url, Entries });
    if (failed) throw new Error(`${1 + others.length} fan-out jobs were not queued: ${failed.Code}`);
  }
}

/** SQS: 256 KiB per batch in every Region and on every kind of queue. */
const largestBatch = 262_144;

function toEntry(job: FanOutJob, index: number): BatchEntry {
  return {
    Id: String(index),
    MessageBody: JSON.stringify(toBody(job)),
    MessageGroupId: job.shard,
    MessageDeduplicationId: job.id.slice(-128), // SQS: at most 128 characters; the beginning is the least telling part
  };
}

interface FanOutBodyMessage {
  readonly id: string;
  readonly attempted: boolean;
  /** Binary values in base64. */
  readonly message: Omit<Message, 'payload' | 'properties'> & {
    readonly payload: string;
    readonly properties?: Omit<ForwardedProperties, 'correlationData'> & { readonly correlationData?: string };
  };
}

interface FanOutBody {
  readonly messages: readonly FanOutBodyMessage[];
  readonly subscribers: readonly Subscriber[];
}

function toBody({ messages, subscribers }: FanOutJob): FanOutBody {
  return {
    messages: messages.map(({ id, attempted, message }) => ({ id, attempted, message: toJson(message) })),
    subscribers,
  };
}

function toJson({ payload, properties, ...rest }: Message): FanOutBodyMessage['message'] {
  if (!properties) return { ...rest, payload: payload.toString('base64') };
  const { correlationData, ...plain } = properties;
  const correlation = correlationData ? { correlationData: correlationData.toString('base64') } : {};
  return { ...rest, payload: payload.toString('base64'), properties: { ...plain, ...correlation } };
}

function fromJson({ payload, properties, ...rest }: FanOutBodyMessage['message']): Message {
  if (!properties) return { ...rest, payload: Buffer.from(payload, 'base64') };
  const { correlationData, ...plain } = properties;
  const correlation = correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData, 'base64') };
  return { ...rest, payload: Buffer.from(payload, 'base64'), properties: { ...plain, ...correlation } };
}

/** A record of the fan-out queue as a job. */
export function toFanOutJob(record: SQSRecord): FanOutJob {
  const { messages, subscribers } = JSON.parse(record.body) as FanOutBody;
  return {
    shard: record.attributes.MessageGroupId ?? '',
    id: record.messageId,
    messages: messages.map(({ id, attempted, message }) => ({ id, attempted, message: fromJson(message) })),
    subscribers,
  };
}

/** A record of the timer queue as a task. */
export function toTimerTask(record: SQSRecord): TimerTask {
  return JSON.parse(record.body) as TimerTask;
}
