import { createHash } from 'node:crypto';
import { asciiJson } from '../../protocol/ascii-json';
import { jsonSize } from '../../protocol/message-size';
import type { IncomingMessage } from '../model/delivery';
import type { FanOutJob } from '../model/fan-out-job';
import type { Subscriber } from '../model/subscription';

/** Shards of the recipients. The jobs of one shard run in order, the shards side by side. */
const shards = 16;
const subscribersPerJob = 100;
/** Bytes of messages and of subscribers in one job: together below the 256 KiB that every SQS queue takes. */
const messageBytesPerJob = 131_072;
const subscriberBytesPerJob = 98_304;
/** Bytes of names, punctuation and small fields in one entry of a job, written as JSON. */
const entryBytes = 150;

/**
 * Returns the jobs that bring messages of one topic to many subscribers. A client is always in the same shard, so it gets the messages
 * of one publisher in order.
 */
export function fanOutJobsFor(incoming: readonly IncomingMessage[], subscribers: readonly Subscriber[]): FanOutJob[] {
  const parts = [...byShard(subscribers)].flatMap(([shard, members]) =>
    inParts(members, {
      bytesOf: subscriberBytes,
      maxBytes: subscriberBytesPerJob,
      maxItems: subscribersPerJob,
    }).map((part) => ({ shard: String(shard), subscribers: part })),
  );
  const toSend = incoming.filter(({ replay, message }) => !replay || message.qos > 0);
  return inParts(toSend, { bytesOf: messageBytes, maxBytes: messageBytesPerJob }).flatMap((batch) =>
    parts.map((part) => ({
      ...part,
      id: jobId(batch, part.subscribers),
      messages: batch.map(({ id, message, attempted, receivedAt }) => ({ id, message, attempted, receivedAt })),
    })),
  );
}

/**
 * Identifies a job by its messages and its recipients. The queue drops an id that it has seen, and a repeated attempt may have more
 * messages than the one before.
 */
function jobId(batch: readonly IncomingMessage[], subscribers: readonly Subscriber[]): string {
  const hash = createHash('sha256');
  for (const { id } of batch) hash.update(`${id}\n`);
  for (const { clientId, session, share, filter } of subscribers) {
    hash.update(`${clientId}\n${session}\n`);
    if (share !== undefined) hash.update(`${share}/${filter}\n`);
  }
  return hash.digest('base64url');
}

function messageBytes({ message }: IncomingMessage): number {
  return entryBytes + jsonSize(message);
}

function subscriberBytes(subscriber: Subscriber): number {
  return 2 + asciiJson(subscriber).length;
}

interface PartLimits<T> {
  readonly bytesOf: (item: T) => number;
  readonly maxBytes: number;
  readonly maxItems?: number;
}

/** Cuts a list into parts of `maxBytes` and `maxItems` at most. An item that is larger than `maxBytes` is a part of its own. */
function inParts<T>(items: readonly T[], limits: PartLimits<T>): T[][] {
  const { bytesOf, maxBytes, maxItems = Number.POSITIVE_INFINITY } = limits;
  const parts: T[][] = [];
  let part: T[] = [];
  let remainingBytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    if (size > remainingBytes || part.length === maxItems) {
      part = [];
      parts.push(part);
      remainingBytes = maxBytes;
    }
    part.push(item);
    remainingBytes -= size;
  }
  return parts;
}

function byShard(subscribers: readonly Subscriber[]): Map<number, Subscriber[]> {
  const byNumber = new Map<number, Subscriber[]>();
  for (const subscriber of subscribers) {
    const shard = shardOf(subscriber.clientId);
    const members = byNumber.get(shard);
    if (members) members.push(subscriber);
    else byNumber.set(shard, [subscriber]);
  }
  return byNumber;
}

function shardOf(clientId: string): number {
  return (createHash('sha256').update(clientId).digest()[0] ?? 0) % shards;
}
