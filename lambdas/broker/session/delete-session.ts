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
import { deliveriesFor } from '../publishing/publisher';
import { chooseAmong } from '../publishing/shared-subscriptions';

/** Index rows removed at the same time, and in one turn. */
const parallelRows = 50;
const rowsPerTurn = 500;

/** Collaborators of a turn that deletes sessions. */
export interface DeletingTurn {
  readonly ports: Ports;
  readonly deliverer: Deliverer;
  readonly dispatch: Dispatch;
  /** Names the work that the turn leaves to another turn. */
  readonly continuationId: string;
}

/** Removes the rows of sessions that have ended. */
export class SessionDeleter {
  constructor(private readonly turn: DeletingTurn) {}

  /**
   * Removes the rows of the session's subscriptions, then its messages. Messages that came through a shared subscription go to another
   * member, unless they were sent at QoS 2 [MQTT-4.8.2-5]. Safe to repeat. A session with many subscriptions is removed in several
   * turns: `continues` means that another one follows. Nobody owns the session any more, so no message is routed by rows that are left.
   *
   * @param earlier `hasShares`: a turn before has found shared subscriptions.
   */
  async delete(
    clientId: string,
    session: SessionId,
    earlier: { readonly hasShares?: boolean } = {},
  ): Promise<'deleted' | 'continues'> {
    const { names, hasMore } = await this.turn.ports.sessions.someSubscriptions(session, rowsPerTurn);
    const subscriptions = names.map((name) => subscriptionName(name, 5));
    await inParallel(subscriptions, parallelRows, ({ filter, share }) =>
      this.turn.ports.topicIndex.remove({ filter, clientId, session, share }),
    );
    if (names.length > 0) {
      await this.turn.ports.shapeChecks.request([...new Set(subscriptions.map(({ filter }) => shapeOf(filter)))]);
    }
    const hasShares = earlier.hasShares === true || subscriptions.some(({ share }) => share !== undefined);
    if (hasMore) {
      const rest = { task: 'wipe', clientId, session, hasShares } as const;
      await this.turn.ports.packets.continue(connectionOf(session), rest, this.turn.continuationId);
      await this.turn.ports.sessions.removeSubscriptions(session, names);
      return 'continues';
    }
    if (hasShares) await this.passOnShared(session);
    await together([
      this.turn.ports.sessions.removeSubscriptions(session, names),
      this.turn.ports.inflight.clear(session),
    ]);
    return 'deleted';
  }

  /**
   * Removes an older session that the session item of its client names, and the name.
   *
   * @param former Fence of the last connection of that session, which publishes its will and ends.
   */
  async finish(clientId: string, session: SessionId, former: Fence | undefined): Promise<void> {
    if (former) await this.turn.ports.packets.expire(connectionOf(former));
    await this.delete(clientId, session);
    await this.turn.ports.sessions.markDeleted(clientId, session);
  }

  /** Passes messages that came through shared subscriptions on to other members. */
  private async passOnShared(session: SessionId): Promise<void> {
    const items: QueueItem[] = [];
    for await (const page of this.turn.ports.inflight.unordered(session)) {
      items.push(...page.filter(({ sentOn, qos }) => sentOn === '' || qos === 1)); // section 4.8.2
    }
    for (const item of items.sort((one, other) => one.number - other.number)) {
      for (const { message, share, packetId } of item.messages) {
        if (share) await this.passOn(share, { message, id: `left#${session}#${item.number}#${packetId}` });
      }
    }
    await this.turn.dispatch.sendMessages(); // while a next attempt would still find them
  }

  private async passOn(
    { filter, share }: SharedSubscription,
    { message, id }: Pick<IncomingMessage, 'message' | 'id'>,
  ) {
    const rows = await this.turn.ports.topicIndex.subscribers(filter);
    const members = rows.filter((row) => row.share === share);
    const incoming: IncomingMessage = { message, id, replay: false, attempted: true, retained: false };
    const chosen = await chooseAmong(this.turn.ports, incoming, members);
    if (chosen.length > 0) await this.turn.deliverer.deliver(deliveriesFor([incoming], () => chosen));
  }
}

/** Returns the session deletions among these events that an earlier turn has left. */
export function deletionsIn(events: readonly ConnectionEvent[]): DeleteSessionContinuation[] {
  return events.flatMap((event) =>
    event.kind === 'continue' && event.continuation.task === 'wipe' ? [event.continuation] : [],
  );
}
