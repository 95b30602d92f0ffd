import { downgrade } from '../../protocol/outgoing-publish';
import type { Settings } from '../../settings';
import { together } from '../../shared/parallel';
import type { Deliverer, SessionItems } from '../delivery/deliverer';
import type { Reservations } from '../delivery/number-reserver';
import type { Delivery, IncomingMessage, SessionDeliveries } from '../model/delivery';
import type { SessionId } from '../model/fence';
import type { Subscriber } from '../model/subscription';
import { publishMessageEvents } from '../observability/lifecycle-events';
import type { Ports } from '../ports/ports';
import { noRecipients, type Recipient, type Recipients, subscriptionFor } from '../topic-index/recipients';
import type { RecipientsByTopic, Router } from '../topic-index/router';
import { fanOutJobsFor } from './fan-out-jobs';
import type { RetainedWriter } from './retained-writer';
import { chooseMembers, countShares } from './shared-subscriptions';

export interface PublisherOptions {
  readonly ports: Ports;
  readonly settings: Pick<Settings, 'inlineRecipients'>;
  readonly router: Router;
  readonly deliverer: Deliverer;
  readonly retainedWriter: RetainedWriter;
}

/** Publishes messages: stores the retained ones, then delivers each to its subscribers, the bridge and the event bus. */
export class Publisher {
  /** Topics that nobody has subscribed to, for the reason code 0x10 of PUBACK and PUBREC. */
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
   * Publishes messages. When it returns, everything that an acknowledgement promises is durable; the dispatch still has to be sent.
   *
   * @param known Session items that this invocation has read already. They are read again if a message is retained.
   */
  async publish(incoming: readonly IncomingMessage[], known: SessionItems = new Map()): Promise<void> {
    if (await this.retain(incoming)) await this.route(incoming);
    else await this.route(incoming, known);
  }

  /**
   * Stores the retained messages, and returns whether there are any. The last message of a topic counts, so a batch writes each topic
   * once. This precedes the routing, whose data has to be read afterwards: a subscriber writes its row of the index, then reads the
   * retained messages, so one of the two finds the other.
   */
  async retain(incoming: readonly IncomingMessage[]): Promise<boolean> {
    const last = new Map(incoming.filter(({ message }) => message.retain).map((one) => [one.message.topic, one]));
    if (last.size === 0) return false;
    for (const topic of last.keys()) this.notRetained.delete(topic);
    const refused = await this.retainedWriter.retain([...last.values()]); // [v3 MQTT-3.3.1-5]
    for (const topic of refused) this.notRetained.add(topic);
    this.router.refresh();
    return true;
  }

  /** Delivers messages without storing retained ones. */
  async route(incoming: readonly IncomingMessage[], known: SessionItems = new Map()): Promise<void> {
    await together([
      this.forwardToBridge(incoming),
      publishMessageEvents(this.ports, incoming),
      this.routeToSubscribers(incoming, known),
    ]);
  }

  private async routeToSubscribers(incoming: readonly IncomingMessage[], known: SessionItems): Promise<void> {
    const topics = incoming.map(({ message }) => message.topic);
    const reserved = this.reserveAhead(incoming, this.router.cachedRecipients(topics));
    const byTopic = await this.router.recipients(topics);
    const recipientsFor = ({ message }: IncomingMessage) => byTopic.get(message.topic) ?? noRecipients;
    this.noteSubscribers(byTopic);
    const chosen = await chooseMembers(this.ports, incoming, recipientsFor);
    const jobs = [...byTopic]
      .filter(([, recipients]) => this.isLarge(recipients))
      .flatMap(([topic, { nonShared }]) => {
        const ofTopic = incoming.filter(({ message }) => message.topic === topic);
        const sharedJobs = ofTopic.flatMap((one) => fanOutJobsFor([one], chosen.get(one) ?? []));
        return [...fanOutJobsFor(ofTopic, nonShared), ...sharedJobs];
      });
    for (const one of incoming) {
      const recipients = recipientsFor(one).nonShared.length + (chosen.get(one)?.length ?? 0);
      this.ports.metrics.measure('Recipients', recipients);
    }
    const inline = deliveriesFor(incoming, (one) => {
      const recipients = recipientsFor(one);
      return this.isLarge(recipients) ? [] : [...recipients.nonShared, ...(chosen.get(one) ?? [])];
    });
    await together([
      this.deliverer.deliver(inline, known, reserved),
      jobs.length > 0 ? this.ports.fanOut.send(jobs) : undefined,
    ]);
  }

  /** Returns whether a message has more recipients than the publisher's own invocation serves. Each share is one. */
  private isLarge({ nonShared, shared }: Recipients): boolean {
    return nonShared.length + countShares(shared) > this.settings.inlineRecipients;
  }

  /** Forwards messages to the other broker. A failure must not keep QoS 0 messages, which promise nothing, from local subscribers. */
  private async forwardToBridge(incoming: readonly IncomingMessage[]): Promise<void> {
    try {
      await this.ports.bridge?.forward(incoming);
    } catch (error) {
      if (incoming.some(({ message }) => message.qos > 0)) throw error;
      this.ports.log('bridge failed', { error: String(error), dropped: incoming.length });
    }
  }

  /** Finds out which of these topics have subscribers, for messages that are not routed yet. */
  async findSubscribers(topics: readonly string[]): Promise<void> {
    this.noteSubscribers(await this.router.recipients(topics));
  }

  private noteSubscribers(byTopic: RecipientsByTopic): void {
    for (const [topic, { nonShared, shared }] of byTopic) {
      if (nonShared.length + shared.length === 0) this.topicsWithoutSubscribers.add(topic);
      else this.topicsWithoutSubscribers.delete(topic); // a client has subscribed since
    }
  }

  /**
   * Reserves numbers for cached recipients while the router reads whether the cache is current. A wrong guess leaves numbers unused,
   * which does no harm.
   */
  private reserveAhead(incoming: readonly IncomingMessage[], cached: RecipientsByTopic | undefined): Reservations {
    if ([...(cached?.values() ?? [])].some((recipients) => this.isLarge(recipients))) return new Map();
    if (incoming.some(({ attempted }) => attempted)) return new Map();
    return this.deliverer.reserveAhead(
      deliveriesFor(incoming, ({ message }) => cached?.get(message.topic)?.nonShared ?? []),
    );
  }
}

/** Returns the deliveries of each session, each message at the lower of the QoS published and granted [MQTT-3.8.4-8]. */
export function deliveriesFor(
  incoming: readonly IncomingMessage[],
  recipientsFor: (incoming: IncomingMessage) => readonly Recipient[],
): SessionDeliveries[] {
  const bySession = new Map<SessionId, SessionDeliveries & { deliveries: Delivery[] }>();
  for (const one of incoming) {
    for (const recipient of recipientsFor(one)) {
      const subscriber = subscriptionFor(recipient, one.message);
      if (!subscriber) continue;
      const { clientId, session } = subscriber;
      const entry = bySession.get(session);
      if (entry) entry.deliveries.push(deliveryTo(subscriber, one));
      else bySession.set(session, { clientId, session, row: subscriber, deliveries: [deliveryTo(subscriber, one)] });
    }
  }
  return [...bySession.values()];
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
