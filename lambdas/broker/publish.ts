import { createHash } from 'node:crypto';
import { downgrade } from '../protocol/deliver';
import type { Message } from '../protocol/effects';
import type { Settings } from '../settings';
import type { Arrival, Deliverer, Delivery, Heads, Mail } from './deliver';
import type { FanOutJob, Ports, SessionId, Subscriber } from './ports';
import type { Router } from './router';

/** Shards of a large audience; each is worked off in order, all of them side by side. */
const shards = 16;
const subscribersPerJob = 100;
/** Payload bytes of one job; as base64 with 100 subscribers this stays below the 256 KiB every SQS queue takes. */
const bytesPerJob = 98_304;

/** Takes ownership of messages: the retained copies, then everybody who subscribed. */
export class Publisher {
  constructor(
    private readonly ports: Ports,
    private readonly settings: Settings,
    private readonly router: Router,
    private readonly deliverer: Deliverer,
  ) {}

  /**
   * Returns when whatever the publisher may be told is durable; the dispatch still has to be sent. `heads` that were read
   * by this invocation already are not read again.
   */
  async publish(arrivals: readonly Arrival[], heads: Heads = new Map()): Promise<void> {
    await Promise.all([this.retain(arrivals), this.route(arrivals, heads)]);
  }

  /** The last message per topic counts, so a batch writes each topic once. */
  async retain(arrivals: readonly Arrival[]): Promise<void> {
    const last = new Map(
      arrivals.filter(({ message }) => message.retain).map(({ message }) => [message.topic, message]),
    );
    await Promise.all(
      [...last.values()].map(
        (message) =>
          message.payload.length === 0
            ? this.ports.retained.remove(message.topic) // [v3 MQTT-3.3.1-10] [v3 MQTT-3.3.1-11]
            : this.ports.retained.put(message), // [v3 MQTT-3.3.1-5]
      ),
    );
  }

  async route(arrivals: readonly Arrival[], heads: Heads = new Map()): Promise<void> {
    const byTopic = await this.router.subscribersOf(arrivals.map(({ message }) => message.topic));
    const isLarge = (topic: string) => (byTopic.get(topic)?.length ?? 0) > this.settings.inlineRecipients;
    const inline = arrivals.filter(({ message }) => !isLarge(message.topic));
    const jobs = [...byTopic]
      .filter(([topic]) => isLarge(topic))
      .flatMap(([topic, subscribers]) =>
        jobsFor(
          arrivals.filter(({ message }) => message.topic === topic),
          subscribers,
        ),
      );
    await Promise.all([
      this.deliverer.deliver(
        mailFor(inline, ({ message }) => byTopic.get(message.topic) ?? []),
        heads,
      ),
      jobs.length > 0 ? this.ports.fanOut.send(jobs) : undefined,
    ]);
  }
}

/** Per session what it gets, each message at the lower of the QoS published and granted. */
export function mailFor(
  arrivals: readonly Arrival[],
  subscribersOf: (arrival: Arrival) => readonly Subscriber[],
): Mail[] {
  const mail = new Map<SessionId, Mail & { deliveries: Delivery[] }>();
  for (const arrival of arrivals) {
    for (const { clientId, session, filter, qos } of subscribersOf(arrival)) {
      const delivery = { arrival, qos: downgrade(arrival.message.qos, qos) };
      const entry = mail.get(session);
      if (entry) entry.deliveries.push(delivery);
      else mail.set(session, { clientId, session, filter, deliveries: [delivery] });
    }
  }
  return [...mail.values()];
}

/** A client always falls into the same shard, so it hears one publisher's messages in order. */
function jobsFor(arrivals: readonly Arrival[], subscribers: readonly Subscriber[]): FanOutJob[] {
  const audience = chunks(bySharding(subscribers), subscribersPerJob);
  return batches(arrivals.filter(({ replay, message }) => !replay || message.qos > 0)).flatMap((messages) =>
    audience.map(({ shard, members, part }) => ({
      shard: String(shard),
      id: `${messages[0]?.id}#${shard}#${part}`,
      messages,
      subscribers: members,
    })),
  );
}

/** Messages that go together into one job. */
function batches(arrivals: readonly Arrival[]): { id: string; message: Message }[][] {
  const result: { id: string; message: Message }[][] = [];
  let room = 0;
  for (const { id, message } of arrivals) {
    if (room < message.payload.length || result.length === 0) {
      result.push([]);
      room = bytesPerJob;
    }
    room -= message.payload.length + message.topic.length;
    result.at(-1)?.push({ id, message });
  }
  return result;
}

function bySharding(subscribers: readonly Subscriber[]): Map<number, Subscriber[]> {
  const shardsOf = new Map<number, Subscriber[]>();
  for (const subscriber of subscribers) {
    const shard = shardOf(subscriber.clientId);
    const members = shardsOf.get(shard);
    if (members) members.push(subscriber);
    else shardsOf.set(shard, [subscriber]);
  }
  return shardsOf;
}

function shardOf(clientId: string): number {
  return (createHash('sha256').update(clientId).digest()[0] ?? 0) % shards;
}

function chunks(shardsOf: Map<number, Subscriber[]>, size: number) {
  return [...shardsOf].flatMap(([shard, members]) =>
    Array.from({ length: Math.ceil(members.length / size) }, (_, part) => ({
      shard,
      part,
      members: members.slice(part * size, (part + 1) * size),
    })),
  );
}
