import { shapeOf } from '../../protocol/shape';
import { subscriptionName } from '../../protocol/subscription-name';
import { inParallel, together } from '../../shared/parallel';
import type { Deliverer } from '../delivery/deliverer';
import type { ConnectionEvent } from '../model/connection-event';
import type { DeleteSessionContinuation } from '../model/continuation';
import type { IncomingMessage } from '../model/delivery';
import { connectionOf, type Fence, type SessionId } from '../model/fence';
import type { QueueItem } from '../model/queued-message';
import type { SharedSubscription } from '../model/subscription';
import type { Dispatch } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import { deliveriesFor } from '../publishing/deliveries';
import { chooseAmong } from '../publishing/shared-subscriptions';

/** Index rows removed at the same time, and in one turn. */
const parallelRows = 50;
const rowsPerTurn = 500;

/** Removes what sessions leave behind when they end. */
export class SessionDeleter {
  constructor(
    private readonly ports: Ports,
    private readonly deliverer: Deliverer,
    private readonly dispatch: Dispatch,
    /** The event of the turn, which names what is left to another. */
    private readonly occasion: string,
  ) {}

  /**
   * Removes the rows of its subscriptions, then its messages; those that came through a share go to another member, unless
   * they were sent at QoS 2 [MQTT-4.8.2-5]. Safe to repeat. A session with many subscriptions is removed in several turns: `continues`
   * when another one follows. Nobody owns the session any more, so nothing is routed by the rows that are left.
   */
  async delete(clientId: string, session: SessionId, hadShares = false): Promise<'deleted' | 'continues'> {
    const { names, hasMore } = await this.ports.sessions.someSubscriptions(session, rowsPerTurn);
    const subscriptions = names.map((name) => subscriptionName(name, 5));
    await inParallel(subscriptions, parallelRows, ({ filter, share }) =>
      this.ports.topicIndex.remove({ filter, clientId, session, share }),
    );
    if (names.length > 0) {
      await this.ports.shapeChecks.request([...new Set(subscriptions.map(({ filter }) => shapeOf(filter)))]);
    }
    const hasShares = hadShares || subscriptions.some(({ share }) => share !== undefined);
    if (hasMore) {
      const rest = { task: 'wipe', clientId, session, hasShares } as const;
      await this.ports.packets.continue(connectionOf(session), rest, this.occasion);
      await this.ports.sessions.removeSubscriptions(session, names);
      return 'continues';
    }
    if (hasShares) await this.handOver(session);
    await together([this.ports.sessions.removeSubscriptions(session, names), this.ports.inflight.clear(session)]);
    return 'deleted';
  }

  /**
   * The same for an older session that the head of its client still names, until it is removed or an event names it.
   *
   * @param former Fence of its last connection, which settles its will and goes.
   */
  async finish(clientId: string, session: SessionId, former: Fence | undefined): Promise<void> {
    if (former) await this.ports.packets.expire(connectionOf(former));
    await this.delete(clientId, session);
    await this.ports.sessions.markDeleted(clientId, session);
  }

  private async handOver(session: SessionId): Promise<void> {
    const items: QueueItem[] = [];
    for await (const page of this.ports.inflight.unordered(session)) {
      items.push(...page.filter(({ sentOn, qos }) => sentOn === '' || qos === 1)); // section 4.8.2
    }
    for (const item of items.sort((one, other) => one.number - other.number)) {
      for (const { message, share, packetId } of item.messages) {
        if (share) await this.passOn(share, { message, id: `left#${session}#${item.number}#${packetId}` });
      }
    }
    await this.dispatch.sendMessages(); // while a next attempt would still find them
  }

  private async passOn(
    { filter, share }: SharedSubscription,
    { message, id }: Pick<IncomingMessage, 'message' | 'id'>,
  ) {
    const rows = await this.ports.topicIndex.subscribers(filter);
    const members = rows.filter((row) => row.share === share);
    const arrival: IncomingMessage = { message, id, replay: false, attempted: true, retained: false };
    const chosen = await chooseAmong(this.ports, arrival, members);
    if (chosen.length > 0) await this.deliverer.deliver(deliveriesFor([arrival], () => chosen));
  }
}

/** Removals of sessions among these events that an earlier turn did not finish. */
export function deletionsIn(events: readonly ConnectionEvent[]): DeleteSessionContinuation[] {
  return events.flatMap((event) =>
    event.kind === 'continue' && event.continuation.task === 'wipe' ? [event.continuation] : [],
  );
}
