import { Reason } from '../../protocol/reason-codes';
import { inParallel } from '../../shared/parallel';
import { type Delivery, deliveryId, type SessionDeliveries } from '../model/delivery';
import { positionAlone } from '../model/queue-slots';
import type { Qos2Record, QueueItem } from '../model/queued-message';
import { closeConnection } from '../outbound/close-connection';
import { type Dispatch, requestWake } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import { toQueueItems } from './queue-items';

/** Sessions worked on at the same time. */
const parallelSessions = 50;

/** An earlier attempt to deliver a QoS 2 message. */
interface EarlierAttempt {
  readonly record: Qos2Record;
  /** The message may be put under the number of that attempt: no message before it has a higher one. */
  readonly keepsNumber: boolean;
}

/** The work that an earlier attempt has left: nothing, to wake the owner for a message that waits in the queue, or all. */
type Remainder = 'nothing' | 'wake' | 'all';

/** Finds out how far an earlier attempt to deliver QoS 2 messages came, so that each message is delivered exactly once. */
export class Qos2Retry {
  private readonly ports: Ports;
  private readonly dispatch: Dispatch;

  constructor({ ports, dispatch }: { readonly ports: Ports; readonly dispatch: Dispatch }) {
    this.ports = ports;
    this.dispatch = dispatch;
  }

  /** Returns the deliveries that no earlier attempt has made, and completes those that one has begun. */
  async withoutEarlierAttempts(entries: readonly SessionDeliveries[]): Promise<readonly SessionDeliveries[]> {
    const keys = entries.flatMap(({ session, deliveries }) =>
      deliveries
        .filter(({ qos, incoming }) => qos === 2 && incoming.attempted)
        .map((delivery) => ({ session, id: deliveryId(delivery) })),
    );
    if (keys.length === 0) return entries;
    const found = new Map((await this.ports.inflight.qos2Records(keys)).map((record) => [recordKey(record), record]));
    if (found.size === 0) return entries;
    return inParallel(entries, parallelSessions, async (entry) => ({
      ...entry,
      deliveries: await this.remaining(entry, found),
    }));
  }

  private async remaining(entry: SessionDeliveries, found: Map<string, Qos2Record>): Promise<Delivery[]> {
    const left: Delivery[] = [];
    let highest = 0;
    let needsWake = false;
    for (const delivery of entry.deliveries) {
      const record = found.get(recordKey({ session: entry.session, id: deliveryId(delivery) }));
      // Records of different attempts: a number before those of earlier messages would put it before them.
      const keepsNumber = left.length === 0 && record !== undefined && record.number > highest;
      highest = Math.max(highest, record?.number ?? 0);
      const remainder = record ? await this.resume(entry, delivery, { record, keepsNumber }) : 'all';
      if (remainder === 'all') left.push(delivery);
      if (remainder === 'wake') needsWake = true;
    }
    if (needsWake) await this.wakeFirst(entry);
    return left;
  }

  /** Requests the wake before any new number is reserved, so that no newer message is sent past those that wait. */
  private async wakeFirst({ clientId }: SessionDeliveries): Promise<void> {
    this.dispatch.addQueued(clientId, undefined);
    const item = await this.ports.sessions.read(clientId);
    if (item?.owner) await requestWake(this.ports, clientId, item.owner);
  }

  /**
   * Continues an attempt that died. Its message is in the queue, or was delivered completely, or never came there. In the last case it
   * is put under the number of the earlier attempt, because its neighbours may be there already, or delivered anew if it cannot have
   * that number.
   */
  private async resume(
    entry: SessionDeliveries,
    delivery: Delivery,
    { record, keepsNumber }: EarlierAttempt,
  ): Promise<Remainder> {
    if (record.done) return 'nothing';
    const queueItem = await this.ports.inflight.read(entry.session, positionAlone(record.number).packetId);
    if (queueItem?.id === record.id && queueItem.number === record.number) return this.resend(entry, queueItem);
    const [again] = await this.ports.inflight.qos2Records([record]); // it may have been completed and removed between the two reads
    if (again?.done) return 'nothing';
    const item = await this.ports.sessions.read(entry.clientId);
    if (!keepsNumber || item?.session !== entry.session) return 'all';
    const positions = new Map([[delivery, positionAlone(record.number)]]);
    await this.ports.inflight.putInOrder(toQueueItems({ item, positions }, this.ports.now(), ''));
    return 'wake';
  }

  /**
   * Decides about a message that is in the queue. If the dead attempt has marked it as sent on the current connection, nobody can tell
   * whether the client has seen it: the connection is closed, and the client resumes the session.
   */
  private async resend(entry: SessionDeliveries, queueItem: QueueItem): Promise<Remainder> {
    const item = await this.ports.sessions.read(entry.clientId);
    if (!item?.owner || item.session !== entry.session) return 'nothing';
    if (queueItem.sentOn !== item.fence) return 'wake';
    if (queueItem.state === 'published') {
      await closeConnection(this.ports, item.owner, { reason: Reason.unspecifiedError, client: item });
    }
    return 'nothing';
  }
}

function recordKey({ session, id }: Pick<Qos2Record, 'session' | 'id'>): string {
  return `${session} ${id}`;
}
