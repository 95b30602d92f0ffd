import type { Message } from '../../protocol/effects';
import type { RetainedCopy, RetainedWrite, WritingTurn } from '../model/retained-message';

export interface RetainedStore {
  /** Whose limit forbids that an account, '' for none, retains a message of this topic, unless it replaces one. */
  shortage(topic: string, account: string): Promise<RetainedShortage | undefined>;
  /**
   * Takes the next place in the order of all writes of a topic. `before` is the write in the place before, unless it is known to be
   * over. Without `turn`, `endPut` or `endRemoval` says that a write is.
   */
  begin(topic: string, turn?: WritingTurn): Promise<{ write: RetainedWrite; before?: RetainedWrite }>;
  put(message: Message, write: RetainedWrite, origin: RetainedOrigin): Promise<void>;
  remove(write: RetainedWrite): Promise<void>;
  /** Says that the message has left which a write without a turn has put. */
  endPut(write: RetainedWrite): Promise<void>;
  /** Says the same of a removal, and removes what the removal has left. */
  endRemoval(write: RetainedWrite): Promise<void>;
  /** Whether a write without a turn is over. */
  hasEnded(write: RetainedWrite): Promise<boolean>;
  /** Some of what a filter finds, from the end of the page before. A page may be empty though others follow. */
  page(filter: string, cursor?: string): Promise<RetainedPage>;
  /** All that a filter finds, however much it is: for an operator, and for filters without wildcards. */
  match(filter: string): Promise<RetainedCopy[]>;
}

/** Where a retained message comes from. */
export interface RetainedOrigin {
  /** Of the arrival. */
  readonly id: string;
  /** An earlier attempt may have stored it, and died before it was done. */
  readonly attempted: boolean;
  /** Account that the message counts for; '' where it counts for none. */
  readonly account: string;
}

/** The limit that is used up: of the whole broker, or of the account. */
export type RetainedShortage = 'broker' | 'account';

/** Retained messages that a filter finds, bounded in number and bytes. */
export interface RetainedPage {
  readonly copies: readonly RetainedCopy[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
  /** Reads the topics of this page again, consistently; those that are still retained, by topic. */
  current(): Promise<ReadonlyMap<string, RetainedCopy>>;
}
