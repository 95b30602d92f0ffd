import type { Identity } from '../../access/identity';
import type { Will } from '../../protocol/effects';
import type { Ending } from '../model/connection';
import type { Fence, SessionId } from '../model/fence';
import type { Congestion, SessionClaim, SessionItem } from '../model/session';
import type { SubscriptionCounts } from '../model/subscription';

export interface SessionStore {
  read(clientId: string): Promise<SessionItem | undefined>;
  readMany(clientIds: readonly string[]): Promise<Map<string, SessionItem>>;
  /**
   * Registers the connection of a claim as the one that waits for the end of this head's owner, or for its will. `changed` when
   * the head is another by now.
   */
  awaitEnd(claim: SessionClaim, seen: SessionItem): Promise<'registered' | 'changed'>;
  /**
   * Starts a new session in place of whatever was there, whose head is returned. `refused` when it has an owner, a newer
   * successor, a will that waits or a newer fence, names an older session to be wiped, or belongs to another account. With `over`,
   * only in place of exactly that head, else `changed`.
   */
  claimFresh(claim: SessionClaim, over?: SessionItem | 'none'): Promise<{ old?: SessionItem } | 'refused' | 'changed'>;
  /** Takes over the session as it was read; `changed` when somebody else was first. */
  claimResume(claim: SessionClaim, seen: SessionItem): Promise<SessionItem | 'changed'>;
  /** The owner has proved itself anew. */
  identify(clientId: string, fence: Fence, identity: Identity): Promise<void>;
  markDeleted(clientId: string, session: SessionId): Promise<void>;
  /**
   * The connection no longer owns the session; how much may wait while nobody does is counted from here. `changed` when it did
   * not own it any more.
   */
  release(clientId: string, fence: Fence, details?: ReleaseDetails): Promise<SessionItem | 'changed'>;
  /** The will of the last owner no longer waits. */
  clearWillDeadline(clientId: string, fence: Fence): Promise<void>;
  /** Nobody will resume the session of this connection any more. `changed` when another connection has it, or nobody. */
  discard(clientId: string, fence: Fence): Promise<'discarded' | 'changed'>;
  /**
   * Removes and returns the head of a session that ends. `changed` when another connection has it, it is gone, or it names an older
   * session to be wiped.
   */
  end(clientId: string, fence: Fence): Promise<SessionItem | 'changed'>;
  /** Reserves `count` consecutive numbers. `refused` when the session is another one, is gone, or its queue is full. */
  reserve(clientId: string, session: SessionId, count: number): Promise<SessionItem | 'refused'>;
  /**
   * The same for retained messages that answer a SUBSCRIBE: also beyond what is free, as long as packet ids are, and in the same step
   * as `ask`, so that nothing which gets a later number is sent before them.
   */
  reserveAndRequestWake(clientId: string, session: SessionId, count: number): Promise<SessionItem | 'refused'>;
  /** Sets how many more messages fit, unless numbers were reserved meanwhile. */
  setFree(head: SessionItem, free: number): Promise<'set' | 'changed'>;
  /** Says that something waits; returns the count. `gone` when the connection no longer owns the session. */
  requestWake(clientId: string, owner: string): Promise<number | 'gone'>;
  /**
   * Notes that the owner of this session takes nothing for now; in the same step as `ask` where a pump is scheduled. `changed` when
   * the session has another owner, or its congestion is another one than in `head`.
   */
  congest(head: SessionItem, congestion: Congestion): Promise<'noted' | 'changed'>;
  /** No pump is promised any more; without `since` the client reads again. */
  relieve(head: SessionItem, since?: Pick<Congestion, 'since' | 'at'>): Promise<void>;
  /** CONNACK has left: from now on QoS 0 messages may be sent to this connection. */
  markConnackSent(clientId: string, fence: Fence): Promise<SessionItem | 'changed'>;
  /** `settled`: everything up to this number was acknowledged. */
  markWakeHandled(head: SessionItem, asked: number, settled?: number): Promise<void>;
  putWill(clientId: string, connectionId: string, will: Will): Promise<void>;
  will(clientId: string, connectionId: string): Promise<Will | undefined>;
  /** Removes the will; `absent` when it was removed before. */
  removeWill(clientId: string, connectionId: string): Promise<'removed' | 'absent'>;
  putSubscriptions(session: SessionId, names: readonly string[]): Promise<void>;
  removeSubscriptions(session: SessionId, names: readonly string[]): Promise<void>;
  subscriptions(session: SessionId): Promise<string[]>;
  /** At most so many of them, and whether there are more. */
  someSubscriptions(
    session: SessionId,
    limit: number,
  ): Promise<{ readonly names: string[]; readonly hasMore: boolean }>;
  /** Which of these the session has. */
  hasSubscriptions(session: SessionId, names: readonly string[]): Promise<Set<string>>;
}

/** Fields that a connection leaves in the item of its session. */
export interface ReleaseDetails extends Ending {
  /** When the client left, milliseconds since 1970. */
  readonly leftAt?: number;
  readonly subscribed?: SubscriptionCounts;
}
