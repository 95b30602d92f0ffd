import type { Effect } from '../../protocol/effects';
import type { Settings } from '../../settings';
import type { Origin } from '../model/origin';
import type { Dispatch } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import { type Subscribed, subscribe, unsubscribe } from '../session/subscribe';
import type { Router } from '../topic-index/router';
import type { ConnectionState } from './connection-state';
import type { PendingWrites } from './pending-writes';
import type { Responses } from './responses';

type Subscribe = Omit<Extract<Effect, { do: 'subscribe' }>, 'do'> & { readonly origin: Origin };
type Unsubscribe = Omit<Extract<Effect, { do: 'unsubscribe' }>, 'do'>;

/**
 * SUBSCRIBE and UNSUBSCRIBE packets of one turn. Neighbours of one kind are gathered and written as one: their number makes no
 * difference to the number of calls.
 */
export class SubscriptionChanges {
  private readonly subscribing: Subscribe[] = [];
  private readonly unsubscribing: Unsubscribe[] = [];

  constructor(
    private readonly props: {
      readonly ports: Ports;
      readonly settings: Settings;
      readonly router: Router;
      readonly state: ConnectionState;
      readonly writes: PendingWrites;
      readonly dispatch: Dispatch;
      readonly responses: Responses;
    },
  ) {}

  /** @throws ProtocolError if the client does not take the SUBACK. */
  async subscribe(packet: Subscribe): Promise<void> {
    const { packetId: messageId, requests } = packet;
    this.props.responses.check({ cmd: 'suback', messageId, granted: requests.map(() => 0) });
    if (this.unsubscribing.length > 0) await this.flushBetween();
    this.subscribing.push(packet);
  }

  /** @throws ProtocolError if the client does not take the UNSUBACK. */
  async unsubscribe(packet: Unsubscribe): Promise<void> {
    const { packetId: messageId, names } = packet;
    this.props.responses.check({ cmd: 'unsuback', messageId, granted: names.map(() => 0) });
    if (this.subscribing.length > 0) await this.flushBetween();
    this.unsubscribing.push(packet);
  }

  /** Writes the changes before a packet that must find the subscriptions changed. Counts as a step of the turn. */
  async flushBetween(): Promise<void> {
    if (this.subscribing.length + this.unsubscribing.length === 0) return;
    this.props.state.budget.step();
    await this.flush();
  }

  /** Writes the changes and gathers their SUBACKs and UNSUBACKs. */
  async flush(): Promise<void> {
    const { writes, state } = this.props;
    const [subscribing, unsubscribing] = [this.subscribing.splice(0), this.unsubscribing.splice(0)];
    if (subscribing.length + unsubscribing.length === 0) return;
    if (!writes.isEmpty) state.budget.step();
    await writes.flush(); // messages that were published before are not for the new subscriptions
    if (subscribing.length > 0) await this.writeSubscriptions(subscribing);
    if (unsubscribing.length > 0) await this.removeSubscriptions(unsubscribing);
  }

  private async writeSubscriptions(packets: readonly Subscribe[]): Promise<void> {
    const { ports, settings, router, state, dispatch, responses } = this.props;
    if (!state.before) await dispatch.send(); // from now on other turns may post to the client, but CONNACK comes first [v3 MQTT-3.2.0-1]
    const connection = { ...state.current(), hasState: true };
    state.connection = connection;
    const requests = packets.flatMap((packet) => packet.requests);
    const subscribed = await subscribe({ ports, settings, router }, connection, requests);
    if (subscribed.counts) state.connection = { ...connection, subscribed: subscribed.counts };
    const codes = [...subscribed.codes];
    for (const { packetId: messageId, requests: own } of packets) {
      responses.send({ cmd: 'suback', messageId, granted: codes.splice(0, own.length) });
    }
    this.noteRetained(packets, subscribed);
  }

  /** Notes which new subscriptions get retained messages. A filter that is subscribed to twice in a turn gets them once. */
  private noteRetained(packets: readonly Subscribe[], { granted, known }: Subscribed): void {
    const originOf = new Map(packets.flatMap(({ requests, origin }) => requests.map((request) => [request, origin])));
    for (const request of granted) {
      const { retainHandling = 0, share, name } = request;
      const origin = originOf.get(request);
      const isWanted = retainHandling === 0 || (retainHandling === 1 && !known.has(name)); // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
      if (!origin || !isWanted || share !== undefined) continue; // section 4.8.2: a share gets none
      const { id, receivedAt, redelivered } = origin;
      this.props.state.retained.set(name, { request, id, receivedAt, attempted: redelivered, queued: 0 });
    }
  }

  private async removeSubscriptions(packets: readonly Unsubscribe[]): Promise<void> {
    const { ports, router, state, responses } = this.props;
    const names = packets.flatMap((packet) => packet.names);
    const codes = [...(await unsubscribe({ ports, router }, state.current(), names))];
    for (const { packetId: messageId, names: own } of packets) {
      responses.send({ cmd: 'unsuback', messageId, granted: codes.splice(0, own.length) });
    }
    for (const { name } of names) state.retained.delete(name);
  }
}
