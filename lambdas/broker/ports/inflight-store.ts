import type { Fence, SessionId } from '../model/fence';
import type { HeldMessage, Qos2Record, QueueItem } from '../model/queued-message';

/** Why an acknowledgement fits no message: there is none of its packet id, or the one there is expects another kind of packet. */
export type AckError = 'unknown' | 'mismatched';

/** Acknowledgements that fit no message. */
export interface AckErrors {
  /** Packet ids whose message expects another kind of packet; it stays as it was. */
  readonly mismatched: readonly number[];
  /** How many packet ids have no message. */
  readonly unknown: number;
}

export interface InflightStore {
  /** Puts items that are also being sent; they become visible in any order. */
  put(items: readonly QueueItem[]): Promise<void>;
  /** Puts items of one session one after the other: whoever looks meanwhile sees a beginning of them, never a gap. */
  putInOrder(items: readonly QueueItem[]): Promise<void>;
  read(session: SessionId, packetId: number): Promise<QueueItem | undefined>;
  /** PUBACK: removes these messages. Those that are not of QoS 1 stay. */
  acknowledge(session: SessionId, packetIds: readonly number[]): Promise<AckErrors>;
  /** Removes messages of any QoS; a bundle goes when its last message does. */
  remove(session: SessionId, packetIds: readonly number[]): Promise<void>;
  /** Items that were put for nobody, whatever became of their messages. */
  discard(items: readonly Pick<QueueItem, 'session' | 'slot'>[]): Promise<void>;
  /** What lies in these slots, in no particular order. */
  readMany(session: SessionId, packetIds: readonly number[]): Promise<QueueItem[]>;
  /**
   * PUBREC: from now on only PUBREL is sent for these QoS 2 messages, and their payloads are dropped. Returns the packet ids that
   * belong to no QoS 2 message.
   */
  markReceived(session: SessionId, packetIds: readonly number[]): Promise<ReadonlyMap<number, AckError>>;
  claim(item: QueueItem, fence: Fence, eventId: string): Promise<'claimed' | 'taken'>;
  /** The gateway refused what the slot holds, so it has not been sent after all. */
  unsend(item: Pick<QueueItem, 'session' | 'slot' | 'number'>, fence: Fence): Promise<void>;
  /** All that is outgoing in the order of its numbers, page by page; `few` at a time for who will not read far. */
  inOrder(session: SessionId, outSeq: number, few?: number): AsyncIterable<QueueItem[]>;
  /** All that is outgoing in any order, page by page. */
  unordered(session: SessionId): AsyncIterable<QueueItem[]>;
  /** Number of the oldest outgoing message. */
  oldest(session: SessionId, outSeq: number): Promise<number | undefined>;
  hold(session: SessionId, held: readonly HeldMessage[]): Promise<void>;
  held(session: SessionId, packetIds: readonly number[]): Promise<HeldMessage[]>;
  /** Hands a held message to another connection, unless somebody else was faster. */
  adopt(session: SessionId, held: HeldMessage, holder: Fence): Promise<'adopted' | 'changed'>;
  forget(session: SessionId, packetIds: readonly number[]): Promise<void>;
  /** Packet ids of messages that a connection of this session has left unreleased. */
  unreleased(session: SessionId): Promise<number[]>;
  keepUnreleased(session: SessionId, packetIds: readonly number[]): Promise<void>;
  qos2Records(keys: readonly { session: SessionId; id: string }[]): Promise<Qos2Record[]>;
  putQos2Records(records: readonly Qos2Record[]): Promise<void>;
  /** Removes every row of a session that has ended. */
  clear(session: SessionId): Promise<void>;
}
