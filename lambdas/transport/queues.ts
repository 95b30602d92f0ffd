import { createHash, randomUUID } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import type { NewMessage, Sqs } from '../aws/lean-sqs';
import type { AdminDisconnect } from '../broker/model/connection';
import type { ConnectionEvent } from '../broker/model/connection-event';
import type { Continuation } from '../broker/model/continuation';
import type { FanOutJob } from '../broker/model/fan-out-job';
import type { Subscriber } from '../broker/model/subscription';
import type { Clock } from '../broker/ports/process';
import type { FanOutQueue, PacketQueue, ScheduledCheck, TimerQueue } from '../broker/ports/queues';
import { attributes } from '../deployment';
import { asciiJson } from '../protocol/ascii-json';
import { together } from '../shared/parallel';
import { continuationBodies } from './continuations';
import type { EventTask } from './events';
import { fromJson, type MessageJson, toJson } from './message-json';
import { sendInOrder } from './ordered-batches';

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

  disconnect(connectionId: string, clientId?: string): Promise<void> {
    const body = clientId === undefined ? undefined : asciiJson({ clientId });
    return this.send(connectionId, 'disconnect', `disconnect#${connectionId}`, body);
  }

  expire(connectionId: string): Promise<void> {
    return this.send(connectionId, 'expired', randomUUID());
  }

  adminDisconnect(connectionId: string, dismissal: AdminDisconnect, occasion: string): Promise<void> {
    return this.send(connectionId, 'dismiss', `dismiss#${occasion}`, asciiJson(dismissal));
  }

  async continue(connectionId: string, continuation: Continuation, occasion: string): Promise<void> {
    for (const body of continuationBodies(continuation)) {
      const digest = createHash('sha256').update(`${occasion}\n${body}`).digest('base64url');
      await this.send(connectionId, 'wake', `continue#${digest}`, body); // which is what an older release takes it for
    }
  }

  /** SQS takes no empty body. */
  private send(
    connectionId: string,
    kind: ConnectionEvent['kind'],
    deduplicationId: string,
    MessageBody: string = kind,
  ): Promise<void> {
    return this.sqs.sendMessage({
      QueueUrl: this.url,
      MessageBody,
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
  | { readonly task: 'check'; readonly connectionId: string; readonly again?: boolean }
  | { readonly task: 'look' }
  | { readonly task: 'shapes' }
  | { readonly task: 'wake'; readonly connectionId: string }
  | { readonly task: 'greet'; readonly connectionId: string };

/** Delayed tasks. Each may come twice: a second look at a connection finds nothing to do. */
export class SqsTimerQueue implements TimerQueue {
  constructor(
    private readonly sqs: Sqs,
    private readonly url: string,
  ) {}

  scheduleCheck({ connectionId, delaySeconds, renews }: ScheduledCheck): Promise<void> {
    return this.send({ task: 'check', connectionId, ...(renews && { again: renews }) }, delaySeconds);
  }

  scheduleSweep(delaySeconds: number): Promise<void> {
    return this.send({ task: 'look' }, delaySeconds);
  }

  scheduleShapeCheck(): Promise<void> {
    return this.send({ task: 'shapes' }, 0);
  }

  scheduleWake(connectionId: string, delaySeconds: number): Promise<void> {
    return this.send({ task: 'wake', connectionId }, delaySeconds);
  }

  scheduleConnectTimeout(connectionId: string, delaySeconds: number): Promise<void> {
    return this.send({ task: 'greet', connectionId }, delaySeconds);
  }

  private send(task: TimerTask, delaySeconds: number): Promise<void> {
    const MessageBody = asciiJson(task);
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
    await together([...shards.values()].map((shard) => sendInOrder(this.sqs, this.url, shard.map(toEntry))));
  }
}

function toEntry(job: FanOutJob): NewMessage {
  return {
    MessageBody: asciiJson(toBody(job)),
    MessageGroupId: job.shard,
    MessageDeduplicationId: job.id.slice(-128), // SQS: at most 128 characters; the beginning is the least telling part
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

/** A record of the fan-out queue as a job. */
export function toFanOutJob(record: SQSRecord): FanOutJob {
  const { messages, subscribers } = JSON.parse(record.body) as FanOutBody;
  return {
    shard: record.attributes.MessageGroupId ?? '',
    id: record.messageId,
    messages: messages.map(({ message, ...rest }) => ({ ...rest, message: fromJson(message) })),
    subscribers,
  };
}

/** A record of the timer queue as a task. */
export function toTimerTask(record: SQSRecord): TimerTask | EventTask {
  return JSON.parse(record.body) as TimerTask | EventTask;
}
