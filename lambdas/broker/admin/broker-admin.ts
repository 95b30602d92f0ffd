import type { Settings } from '../../settings';
import { mayReceiveOf } from '../delivery/receive-permission';
import { isSessionExpired } from '../expiry/expired-session';
import type { AdminDisconnect } from '../model/connection';
import type { IncomingMessage } from '../model/delivery';
import { connectionOf } from '../model/fence';
import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';
import { createPublishing, type Publishing } from '../publishing/create-publishing';
import { Router, SubscriberCache } from '../topic-index/router';

/** What became of a message for one client; `absent`: there is no such client. */
export type DirectOutcome = 'sent' | 'queued' | 'away' | 'full' | 'denied' | 'absent';

/** What a backend asks of the broker, outside the stream of any connection. What it remembers is checked before it is believed. */
export class BrokerAdmin {
  private readonly index = new SubscriberCache();

  constructor(
    private readonly ports: Ports,
    private readonly settings: Settings,
  ) {}

  /** Returns when the messages are as safe as PUBACK promises and have left: of each whether anybody had subscribed. */
  async publish(arrivals: readonly IncomingMessage[]): Promise<boolean[]> {
    const { dispatch, publisher } = this.publishing();
    await publisher.publish(arrivals);
    await dispatch.sendMessages();
    return arrivals.map(({ message }) => !publisher.topicsWithoutSubscribers.has(message.topic));
  }

  /** Whether anybody who is connected has subscribed to one of these topics. Who is not is no reason to go to any length. */
  async isHeard(topics: readonly string[]): Promise<boolean> {
    const audiences = await new Router(this.ports.topicIndex, this.index).audiences(topics);
    const rows = [...audiences.values()].flatMap(({ everyone, members }) => [...everyone, ...members]);
    const clientIds = new Set(rows.map(({ clientId }) => clientId));
    if (clientIds.size === 0) return false;
    const heads = await this.ports.sessions.readMany([...clientIds]);
    return [...heads.values()].some(({ owner }) => owner !== undefined);
  }

  /** A message for one client, whatever it has subscribed to. */
  async send(clientId: string, incoming: IncomingMessage): Promise<DirectOutcome> {
    const head = await this.client(clientId);
    if (!head) return 'absent';
    const { topic, qos } = incoming.message;
    if (!(await mayReceiveOf(this.ports, head))(topic)) return 'denied';
    if (!head.owner && qos === 0) return 'away';
    const { dispatch, deliverer } = this.publishing();
    const mail = { clientId, session: head.session, deliveries: [{ incoming, qos, retain: false }] };
    await deliverer.deliver([mail], new Map([[clientId, head]]));
    await dispatch.sendMessages();
    const missed = deliverer.missed.get(clientId);
    if (missed) return missed === 'full' ? 'full' : 'absent';
    return head.owner ? 'sent' : 'queued';
  }

  /**
   * The client is to be disconnected: the wish goes into the stream of its connection, or of the last one it had. A session that is over
   * is removed, whatever the wish.
   */
  async dismiss(
    clientId: string,
    wish: Pick<AdminDisconnect, 'withWill' | 'keepSession'>,
    occasion: string,
  ): Promise<SessionItem | 'absent'> {
    const head = await this.ports.sessions.read(clientId);
    if (!head) return 'absent';
    const keepSession = wish.keepSession && !isSessionExpired(head, this.ports.now());
    const dismissal = { clientId, fence: head.fence, ...wish, keepSession };
    await this.ports.packets.adminDisconnect(connectionOf(head.fence), dismissal, occasion);
    return head;
  }

  private publishing(): Publishing {
    const { ports, settings } = this;
    return createPublishing({ ports, settings, router: new Router(ports.topicIndex, this.index) });
  }

  /** A client that is connected, or whose session has not ended. */
  async client(clientId: string): Promise<SessionItem | undefined> {
    const head = await this.ports.sessions.read(clientId);
    return head && !isSessionExpired(head, this.ports.now()) ? head : undefined;
  }
}
