import type { Settings } from '../../settings';
import { mayReceiveOf } from '../delivery/receive-permission';
import { isSessionExpired } from '../expiry/expired-session';
import type { AdminDisconnect } from '../model/connection';
import type { IncomingMessage } from '../model/delivery';
import { connectionOf } from '../model/fence';
import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';
import { createPublishing, type Publishing } from '../publishing/create-publishing';
import { Router } from '../topic-index/router';
import { SubscriberCache } from '../topic-index/subscriber-cache';

/** Result of a message to one client. `away`: a QoS 0 message for a client that is not connected. `absent`: there is no such client. */
export type DirectOutcome = 'sent' | 'queued' | 'away' | 'full' | 'denied' | 'absent';

/** Operations of backends on the broker, outside the stream of any connection. */
export class BrokerAdmin {
  private readonly subscriberCache = new SubscriberCache();

  constructor(
    private readonly ports: Ports,
    private readonly settings: Settings,
  ) {}

  /**
   * Publishes messages. When it returns, they are as durable as PUBACK promises, and sent.
   *
   * @returns for each message whether its topic has subscribers.
   */
  async publish(incoming: readonly IncomingMessage[]): Promise<boolean[]> {
    const { dispatch, publisher } = this.createPublishing();
    await publisher.publish(incoming);
    await dispatch.sendMessages();
    return incoming.map(({ message }) => !publisher.topicsWithoutSubscribers.has(message.topic));
  }

  /** Returns whether a connected client has subscribed to one of these topics. */
  async hasConnectedSubscriber(topics: readonly string[]): Promise<boolean> {
    const byTopic = await this.createRouter().recipients(topics);
    const rows = [...byTopic.values()].flatMap(({ nonShared, shared }) => [...nonShared, ...shared]);
    const clientIds = new Set(rows.map(({ clientId }) => clientId));
    if (clientIds.size === 0) return false;
    const sessions = await this.ports.sessions.readMany([...clientIds]);
    return [...sessions.values()].some(({ owner }) => owner !== undefined);
  }

  /** Sends a message to one client, without a subscription. */
  async send(clientId: string, incoming: IncomingMessage): Promise<DirectOutcome> {
    const item = await this.findClient(clientId);
    if (!item) return 'absent';
    const { topic, qos } = incoming.message;
    const mayReceive = await mayReceiveOf(this.ports, item);
    if (!mayReceive(topic)) return 'denied';
    if (!item.owner && qos === 0) return 'away';
    const { dispatch, deliverer } = this.createPublishing();
    const entry = { clientId, session: item.session, deliveries: [{ incoming, qos, retain: false }] };
    await deliverer.deliver([entry], new Map([[clientId, item]]));
    await dispatch.sendMessages();
    const missed = deliverer.missed.get(clientId);
    if (missed) return missed === 'full' ? 'full' : 'absent';
    return item.owner ? 'sent' : 'queued';
  }

  /**
   * Requests the disconnect of a client, in the stream of its connection or of its last one. A session that has expired is removed,
   * also where the request keeps it.
   *
   * @param deduplicationId Stays the same when the request is repeated.
   * @returns the session item, or `absent` if there is no such client.
   */
  async disconnect(
    clientId: string,
    request: Pick<AdminDisconnect, 'withWill' | 'keepSession'>,
    deduplicationId: string,
  ): Promise<SessionItem | 'absent'> {
    const item = await this.ports.sessions.read(clientId);
    if (!item) return 'absent';
    const keepSession = request.keepSession && !isSessionExpired(item, this.ports.now());
    const adminDisconnect = { clientId, fence: item.fence, ...request, keepSession };
    await this.ports.packets.adminDisconnect(connectionOf(item.fence), adminDisconnect, deduplicationId);
    return item;
  }

  /** Returns the session item of a client that is connected, or whose session has not ended. */
  async findClient(clientId: string): Promise<SessionItem | undefined> {
    const item = await this.ports.sessions.read(clientId);
    return item && !isSessionExpired(item, this.ports.now()) ? item : undefined;
  }

  private createRouter(): Router {
    return new Router(this.ports.topicIndex, this.subscriberCache);
  }

  private createPublishing(): Publishing {
    const { ports, settings } = this;
    return createPublishing({ ports, settings, router: this.createRouter() });
  }
}
