import { createHash } from 'node:crypto';
import { asciiJson } from '../../protocol/ascii-json';
import { jsonSize } from '../../protocol/message-size';
import { downgrade } from '../../protocol/outgoing-publish';
import type { Settings } from '../../settings';
import { together } from '../../shared/parallel';
import type { Deliverer, Heads, Reservations } from '../delivery/deliverer';
import type { Delivery, IncomingMessage, SessionDeliveries } from '../model/delivery';
import type { FanOutJob } from '../model/fan-out-job';
import type { SessionId } from '../model/fence';
import type { Subscriber } from '../model/subscription';
import { publishMessageEvents } from '../observability/lifecycle-events';
import type { Ports } from '../ports/ports';
import { noRecipients, type Recipient, type Recipients, subscriptionFor } from '../topic-index/recipients';
import type { RecipientsByTopic, Router } from '../topic-index/router';
import type { RetainedWriter } from './retained-writer';
import { chooseMembers, countShares } from './shared-subscriptions';

/** Shards of a large audience; each is worked off in order, all of them side by side. */
const shards = 16;
const subscribersPerJob = 100;
/** What a job may hold of messages and of subscribers: together below the 256 KiB that every SQS queue takes. */
const messageBytesPerJob = 131_072;
const subscriberBytesPerJob = 98_304;
/** Names, punctuation and small fields of one entry of a job, written as JSON. */
const entryBytes = 150;

export interface PublisherOptions {
  readonly ports: Ports;
  readonly settings: Pick<Settings, 'inlineRecipients'>;
  readonly router: Router;
  readonly deliverer: Deliverer;
  readonly retainedWriter: RetainedWriter;
}

/** Takes ownership of messages: the retained copies, then everybody who subscribed. */
export class Publisher {
  /** Topics that nobody subscribed to. */
  readonly topicsWithoutSubscribers = new Set<string>();
  /** Topics whose last message was delivered but is not retained, because a limit is used up. */
  readonly notRetained = new Set<string>();

  private readonly ports: Ports;
  private readonly settings: Pick<Settings, 'inlineRecipients'>;
  private readonly router: Router;
  private readonly deliverer: Deliverer;
  private readonly retainedWriter: RetainedWriter;

  constructor({ ports, settings, router, deliverer, retainedWriter }: PublisherOptions) {
    this.ports = ports;
    this.settings = settings;
    this.router = router;
    this.deliverer = deliverer;
    this.retainedWriter = retainedWriter;
  }

  /**
   * Returns when whatever the publisher may be told is durable; the dispatch still has to be sent. `heads` that were read
   * by this invocation already are not read again, unless something is retained first.
   */
  async publish(arrivals: readonly IncomingMessage[], heads: Heads = new Map()): Promise<void> {
    if (await this.retain(arrivals)) await this.route(arrivals);
    else await this.route(arrivals, heads);
  }

  /**
   * Stores the retained copies, and returns whether there were any. The last message per topic counts, so a batch writes each topic
   * once. It comes before routing, and what is routed by has to be read after it: a subscriber writes its row of the index, then
   * reads what is retained, so one of the two finds the other.
   */
  async retain(arrivals: readonly IncomingMessage[]): Promise<boolean> {
    const last = new Map(
      arrivals.filter(({ message }) => message.retain).map((arrival) => [arrival.message.topic, arrival]),
    );
    if (last.size === 0) return false;
    for (const topic of last.keys()) this.notRetained.delete(topic);
    const refused = await this.retainedWriter.retain([...last.values()]); // [v3 MQTT-3.3.1-5]
    for (const topic of refused) this.notRetained.add(topic);
    this.router.refresh();
    return true;
  }

  async route(arrivals: readonly IncomingMessage[], heads: Heads = new Map()): Promise<void> {
    await together([
      this.forward(arrivals),
      publishMessageEvents(this.ports, arrivals),
      this.routeHere(arrivals, heads),
    ]);
  }

  private async routeHere(arrivals: readonly IncomingMessage[], heads: Heads): Promise<void> {
    const topics = arrivals.map(({ message }) => message.topic);
    const reserved = this.reserveAhead(arrivals, this.router.guess(topics));
    const byTopic = await this.router.audiences(topics);
    const audienceOf = ({ message }: IncomingMessage) => byTopic.get(message.topic) ?? noRecipients;
    this.notice(byTopic);
    const isLarge = (topic: string) => this.isLarge(byTopic.get(topic) ?? noRecipients);
    const chosen = await chooseMembers(this.ports, arrivals, audienceOf);
    const jobs = [...byTopic]
      .filter(([topic]) => isLarge(topic))
      .flatMap(([topic, { everyone }]) => {
        const ofTopic = arrivals.filter(({ message }) => message.topic === topic);
        return [...jobsFor(ofTopic, everyone), ...ofTopic.flatMap((one) => jobsFor([one], chosen.get(one) ?? []))];
      });
    const listenersOf = (arrival: IncomingMessage) =>
      isLarge(arrival.message.topic) ? [] : [...audienceOf(arrival).everyone, ...(chosen.get(arrival) ?? [])];
    for (const arrival of arrivals) {
      const recipients = audienceOf(arrival).everyone.length + (chosen.get(arrival)?.length ?? 0);
      this.ports.metrics.measure('Recipients', recipients);
    }
    await together([
      this.deliverer.deliver(deliveriesFor(arrivals, listenersOf), heads, reserved),
      jobs.length > 0 ? this.ports.fanOut.send(jobs) : undefined,
    ]);
  }

  /** Whether a message has more recipients than the publisher's own invocation serves. Each share is one. */
  private isLarge({ everyone, members }: Recipients): boolean {
    return everyone.length + countShares(members) > this.settings.inlineRecipients;
  }

  /** To other brokers. At QoS 0 nobody is told that a message has crossed, and those who hear it here shall not miss it for that. */
  private async forward(arrivals: readonly IncomingMessage[]): Promise<void> {
    try {
      await this.ports.bridge?.forward(arrivals);
    } catch (error) {
      if (arrivals.some(({ message }) => message.qos > 0)) throw error;
      this.ports.log('bridge failed', { error: String(error), dropped: arrivals.length });
    }
  }

  /** Finds out whether anybody hears these topics, for messages that are not routed yet. */
  async findSubscribers(topics: readonly string[]): Promise<void> {
    this.notice(await this.router.audiences(topics));
  }

  private notice(byTopic: RecipientsByTopic): void {
    for (const [topic, { everyone, members }] of byTopic) {
      if (everyone.length + members.length === 0) this.topicsWithoutSubscribers.add(topic);
      else this.topicsWithoutSubscribers.delete(topic); // somebody has subscribed since
    }
  }

  /**
   * Numbers for those who are remembered as subscribers, while it is still being read whether the memory is right. A wrong
   * guess leaves numbers unused, which harms nobody.
   */
  private reserveAhead(arrivals: readonly IncomingMessage[], guessed: RecipientsByTopic | undefined): Reservations {
    const audiences = [...(guessed?.values() ?? [])];
    if (audiences.some((audience) => this.isLarge(audience))) return new Map();
    if (arrivals.some(({ attempted }) => attempted)) return new Map();
    const listenersOf = ({ message }: IncomingMessage) => guessed?.get(message.topic)?.everyone ?? [];
    return this.deliverer.reserveAhead(deliveriesFor(arrivals, listenersOf));
  }
}

/** Per session what it gets, each message at the lower of the QoS published and granted. */
export function deliveriesFor(
  arrivals: readonly IncomingMessage[],
  listenersOf: (arrival: IncomingMessage) => readonly Recipient[],
): SessionDeliveries[] {
  const mail = new Map<SessionId, SessionDeliveries & { deliveries: Delivery[] }>();
  for (const arrival of arrivals) {
    for (const listener of listenersOf(arrival)) {
      const subscriber = subscriptionFor(listener, arrival.message);
      if (!subscriber) continue;
      const { clientId, session } = subscriber;
      const entry = mail.get(session);
      if (entry) entry.deliveries.push(deliveryTo(subscriber, arrival));
      else mail.set(session, { clientId, session, row: subscriber, deliveries: [deliveryTo(subscriber, arrival)] });
    }
  }
  return [...mail.values()];
}

function deliveryTo(
  { qos, retainAsPublished, identifiers, share, filter }: Subscriber,
  incoming: IncomingMessage,
): Delivery {
  const { message, retained } = incoming;
  return {
    incoming,
    qos: downgrade(message.qos, qos),
    retain: retained || (retainAsPublished === true && message.retain), // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    ...(identifiers && { identifiers }),
    ...(share !== undefined && { share: { share, filter } }),
  };
}

/** A client always falls into the same shard, so it hears one publisher's messages in order. */
function jobsFor(arrivals: readonly IncomingMessage[], subscribers: readonly Subscriber[]): FanOutJob[] {
  const audience = [...bySharding(subscribers)].flatMap(([shard, all]) =>
    packed(all, { bytesOf: subscriberBytes, maxBytes: subscriberBytesPerJob, maxItems: subscribersPerJob }).map(
      (members) => ({
        shard: String(shard),
        members,
      }),
    ),
  );
  const fresh = arrivals.filter(({ replay, message }) => !replay || message.qos > 0);
  return packed(fresh, { bytesOf: messageBytes, maxBytes: messageBytesPerJob }).flatMap((batch) =>
    audience.map(({ shard, members }) => ({
      shard,
      id: jobId(batch, members),
      messages: batch.map(({ id, message, attempted, receivedAt }) => ({ id, message, attempted, receivedAt })),
      subscribers: members,
    })),
  );
}

/**
 * Tells a job by all that it brings to whom: the queue drops what it has seen, and an attempt that is repeated in other company
 * has more to bring than the one before.
 */
function jobId(batch: readonly IncomingMessage[], members: readonly Subscriber[]): string {
  const hash = createHash('sha256');
  for (const { id } of batch) hash.update(`${id}\n`);
  for (const { clientId, session, share, filter } of members) {
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
function packed<T>(items: readonly T[], limits: PartLimits<T>): T[][] {
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
