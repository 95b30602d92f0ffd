import type { Message } from '../../protocol/effects';
import type { RetainedCopy, RetainedWrite, WritingTurn } from '../model/retained-message';

export interface RetainedStore {
  /** Returns the limit that forbids an account, '' for none, to retain a message of this topic. A replacement is always allowed. */
  shortage(topic: string, account: string): Promise<RetainedShortage | undefined>;
  /**
   * Begins a write as the next in the order of all writes of a topic. `before` is the preceding write, unless it is known to be over.
   * A write without `turn` is over when `endPut` or `endRemoval` is called.
   */
  begin(topic: string, turn?: WritingTurn): Promise<{ write: RetainedWrite; before?: RetainedWrite }>;
  put(message: Message, write: RetainedWrite, origin: RetainedOrigin): Promise<void>;
  remove(write: RetainedWrite): Promise<void>;
  /** Ends a write without a turn, after its message has left. */
  endPut(write: RetainedWrite): Promise<void>;
  /** Ends a removal, and removes its traces. */
  endRemoval(write: RetainedWrite): Promise<void>;
  /** Returns whether a write without a turn is over. */
  hasEnded(write: RetainedWrite): Promise<boolean>;
  /** Reads some of the messages that a filter matches, from the end of the preceding page. A page may be empty though others follow. */
  page(filter: string, cursor?: string): Promise<RetainedPage>;
  /** Reads all messages that a filter matches, without a bound: for operators, and for filters without wildcards. */
  match(filter: string): Promise<RetainedCopy[]>;
}

/** The origin of a retained message. */
export interface RetainedOrigin {
  /** Id of the incoming message. */
  readonly id: string;
  /** An earlier attempt may have stored it and died before its end. */
  readonly attempted: boolean;
  /** Account against whose limit the message counts; '' for none. */
  readonly account: string;
}

/** The limit that is used up: of the whole broker, or of the account. */
export type RetainedShortage = 'broker' | 'account';

/** Retained messages that a filter matches, bounded in number and bytes. */
export interface RetainedPage {
  readonly copies: readonly RetainedCopy[];
  /** Cursor of the next page; absent on the last page. */
  readonly next?: string;
  /** Reads the topics of this page again, consistently. Returns the messages that are still retained, by topic. */
  current(): Promise<ReadonlyMap<string, RetainedCopy>>;
}
