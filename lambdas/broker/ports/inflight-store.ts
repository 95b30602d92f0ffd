import type { Fence, SessionId } from '../model/fence';
import type { HeldMessage, OnceRecord, RingItem } from '../model/queued-message';

/** Why an acknowledgement fits no message: there is none of its packet id, or the one there is expects another kind of packet. */
export type Misfit = 'unknown' | 'mismatched';

/** Acknowledgements that fit no message. */
export interface Misfits {
  /** Packet ids whose message expects another kind of packet; it stays as it was. */
  readonly mismatched: readonly number[];
  /** How many packet ids have no message. */
  readonly unknown: number;
}

export interface InflightStore {
  /** Puts items that are also being sent; they become visible in any order. */
  put(items: readonly RingItem[]): Promise<void>;
  /** Puts items of one session one after the other: whoever looks meanwhile sees a beginning of them, never a gap. */
  putInOrder(items: readonly RingItem[]): Promise<void>;
  read(session: SessionId, packetId: number): Promise<RingItem | undefined>;
  /** PUBACK: removes these messages. Those that are not of QoS 1 stay. */
  settle(session: SessionId, packetIds: readonly number[]): Promise<Misfits>;
  /** Removes messages of any QoS; a bundle goes when its last message does. */
  remove(session: SessionId, packetIds: readonly number[]): Promise<void>;
  /** Items that were put for nobody, whatever became of their messages. */
  discard(items: readonly Pick<RingItem, 'session' | 'slot'>[]): Promise<void>;
  /** What lies in these slots, in no particular order. */
  readMany(session: SessionId, packetIds: readonly number[]): Promise<RingItem[]>;
  /**
   * PUBREC: from now on only PUBREL is sent for these QoS 2 messages, and their payloads are dropped. Returns the packet ids that
   * belong to no QoS 2 message.
   */
  markReceived(session: SessionId, packetIds: readonly number[]): Promise<ReadonlyMap<number, Misfit>>;
  claim(item: RingItem, fence: Fence, eventId: string): Promise<'claimed' | 'taken'>;
  /** The gateway refused what the slot holds, so it has not been sent after all. */
  unsend(item: Pick<RingItem, 'session' | 'slot' | 'number'>, fence: Fence): Promise<void>;
  /** All that is outgoing in the order of its numbers, page by page; `few` at a time for who will not read far. */
  ring(session: SessionId, outSeq: number, few?: number): AsyncIterable<RingItem[]>;
  /** All that is outgoing in any order, page by page. */
  everything(session: SessionId): AsyncIterable<RingItem[]>;
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
  once(keys: readonly { session: SessionId; id: string }[]): Promise<OnceRecord[]>;
  putOnce(records: readonly OnceRecord[]): Promise<void>;
  /** Removes every row of a session that has ended. */
  clear(session: SessionId): Promise<void>;
}
