import type { Fence, SessionId } from '../model/fence';
import type { HeldMessage, Qos2Record, QueueItem } from '../model/queued-message';

/** Reason for which an acknowledgement fits no message: its packet id has none, or has one that expects another type of packet. */
export type AckError = 'unknown' | 'mismatched';

/** Acknowledgements that fit no message. */
export interface AckErrors {
  /** Packet ids whose message expects another type of packet. The message stays unchanged. */
  readonly mismatched: readonly number[];
  /** Number of packet ids without a message. */
  readonly unknown: number;
}

/**
 * Stores messages in flight: the outbound queues of sessions, incoming QoS 2 messages between PUBLISH and PUBREL, and records of QoS 2
 * deliveries.
 */
export interface InflightStore {
  /** Puts items that are sent at the same time; they become visible in any order. */
  put(items: readonly QueueItem[]): Promise<void>;
  /** Puts items of one session one after the other: a concurrent read finds the first of them, never a gap. */
  putInOrder(items: readonly QueueItem[]): Promise<void>;
  /** Reads the item in the slot of a packet id. */
  read(session: SessionId, packetId: number): Promise<QueueItem | undefined>;
  /** Removes messages after PUBACK. Messages that are not of QoS 1 stay. */
  acknowledge(session: SessionId, packetIds: readonly number[]): Promise<AckErrors>;
  /** Removes messages of any QoS. A bundle is removed with its last message. */
  remove(session: SessionId, packetIds: readonly number[]): Promise<void>;
  /** Removes items that were put for a session that had ended, in any state. */
  removeItems(items: readonly Pick<QueueItem, 'session' | 'slot'>[]): Promise<void>;
  /** Reads the items in the slots of these packet ids, in any order. */
  readMany(session: SessionId, packetIds: readonly number[]): Promise<QueueItem[]>;
  /**
   * Marks QoS 2 messages as received after PUBREC: from now on only PUBREL is sent for them, and their payloads are removed. Returns
   * the packet ids that belong to no QoS 2 message.
   */
  markReceived(session: SessionId, packetIds: readonly number[]): Promise<ReadonlyMap<number, AckError>>;
  /** Marks an item as sent on a connection, by the turn of an event; `taken` if a newer connection has claimed it or it is gone. */
  claim(item: QueueItem, fence: Fence, eventId: string): Promise<'claimed' | 'taken'>;
  /** Marks an item as not sent on a connection, after the gateway has refused it. */
  markUnsent(item: Pick<QueueItem, 'session' | 'slot' | 'number'>, fence: Fence): Promise<void>;
  /** Reads the queue in the order of the numbers, page by page. `pageSize` is set by a caller that reads only a few items. */
  inOrder(session: SessionId, outSeq: number, pageSize?: number): AsyncIterable<QueueItem[]>;
  /** Reads the queue in any order, page by page. */
  unordered(session: SessionId): AsyncIterable<QueueItem[]>;
  /** Returns the number of the oldest message in the queue. */
  oldest(session: SessionId, outSeq: number): Promise<number | undefined>;
  /** Stores incoming QoS 2 messages until their PUBREL. */
  hold(session: SessionId, held: readonly HeldMessage[]): Promise<void>;
  /** Reads incoming QoS 2 messages. */
  held(session: SessionId, packetIds: readonly number[]): Promise<HeldMessage[]>;
  /** Assigns a held message to another connection; `changed` if another turn was faster. */
  adopt(session: SessionId, held: HeldMessage, holder: Fence): Promise<'adopted' | 'changed'>;
  /** Removes incoming QoS 2 messages. */
  removeHeld(session: SessionId, packetIds: readonly number[]): Promise<void>;
  /** Returns the packet ids of QoS 2 messages that earlier connections of this session have not released. */
  unreleased(session: SessionId): Promise<number[]>;
  /** Replaces these packet ids. */
  keepUnreleased(session: SessionId, packetIds: readonly number[]): Promise<void>;
  /** Reads the records of QoS 2 deliveries, those that exist. */
  qos2Records(keys: readonly { session: SessionId; id: string }[]): Promise<Qos2Record[]>;
  putQos2Records(records: readonly Qos2Record[]): Promise<void>;
  /** Removes every row of a session that has ended. */
  clear(session: SessionId): Promise<void>;
}
