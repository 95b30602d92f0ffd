import type { Identity } from '../../access/identity';
import type { Will } from '../../protocol/effects';
import type { Ending } from '../model/connection';
import type { Fence, SessionId } from '../model/fence';
import type { Congestion, SessionClaim, SessionItem } from '../model/session';
import type { SubscriptionCounts } from '../model/subscription';

/** Stores session items, wills and the names of subscriptions. */
export interface SessionStore {
  read(clientId: string): Promise<SessionItem | undefined>;
  readMany(clientIds: readonly string[]): Promise<Map<string, SessionItem>>;
  /**
   * Registers the connection of a claim as the successor, which waits for the end of the owner, or for its will. `changed` if the
   * session item is another one by now.
   */
  awaitEnd(claim: SessionClaim, seen: SessionItem): Promise<'registered' | 'changed'>;
  /**
   * Starts a new session in place of an earlier one, whose item is returned. `refused` if the earlier one has an owner, a newer
   * successor, a waiting will or a newer fence, names an older session to delete, or belongs to another account. With `replaced`, the
   * session replaces exactly that item; else the result is `changed`.
   */
  claimFresh(
    claim: SessionClaim,
    replaced?: SessionItem | 'none',
  ): Promise<{ old?: SessionItem } | 'refused' | 'changed'>;
  /** Resumes the session as it was read; `changed` if another connection was faster. */
  claimResume(claim: SessionClaim, seen: SessionItem): Promise<SessionItem | 'changed'>;
  /** Stores the identity of an owner that has authenticated again. */
  updateIdentity(clientId: string, fence: Fence, identity: Identity): Promise<void>;
  /** Removes the name of an older session that is deleted. */
  markDeleted(clientId: string, session: SessionId): Promise<void>;
  /**
   * Ends the ownership of a connection. The queue limit counts messages from here on. `changed` if the connection does not own the
   * session any more.
   */
  release(clientId: string, fence: Fence, details?: ReleaseDetails): Promise<SessionItem | 'changed'>;
  /** Notes that the will of the last owner no longer waits. */
  clearWillDeadline(clientId: string, fence: Fence): Promise<void>;
  /** Makes the session of this connection one that cannot be resumed. `changed` if another connection has it, or it is gone. */
  discard(clientId: string, fence: Fence): Promise<'discarded' | 'changed'>;
  /**
   * Removes and returns the item of a session that ends. `changed` if another connection has it, it is gone, or it names an older
   * session to delete.
   */
  end(clientId: string, fence: Fence): Promise<SessionItem | 'changed'>;
  /** Reserves `count` consecutive numbers. `refused` if the session is another one, is gone, or its queue is full. */
  reserve(clientId: string, session: SessionId, count: number): Promise<SessionItem | 'refused'>;
  /**
   * Reserves numbers for the retained messages of a new subscription. The queue limit does not apply, but packet ids have to be free.
   * The same write requests a wake, so that no message with a later number is sent before them.
   */
  reserveAndRequestWake(clientId: string, session: SessionId, count: number): Promise<SessionItem | 'refused'>;
  /** Stores how many more messages fit into the queue; `changed` if numbers were reserved meanwhile. */
  setQueueCapacity(item: SessionItem, capacity: number): Promise<'set' | 'changed'>;
  /** Counts a request for a wake, and returns the count. `gone` if the connection no longer owns the session. */
  requestWake(clientId: string, owner: string): Promise<number | 'gone'>;
  /**
   * Notes that the owner of this session takes nothing for now. Where a drain is scheduled, the same write requests a wake. `changed`
   * if the session has another owner, or another congestion than `item`.
   */
  markCongested(item: SessionItem, congestion: Congestion): Promise<'noted' | 'changed'>;
  /** Notes that no drain is scheduled any more. Without `remaining` the client reads again. */
  clearCongestion(item: SessionItem, remaining?: Pick<Congestion, 'since' | 'at'>): Promise<void>;
  /** Notes that CONNACK has left: from now on QoS 0 messages may be sent to this connection. */
  markConnackSent(clientId: string, fence: Fence): Promise<SessionItem | 'changed'>;
  /** Notes that a drain has handled `wakeRequests` wakes, and the number up to which everything is acknowledged, where it is known. */
  markWakeHandled(item: SessionItem, wakeRequests: number, acknowledgedUpTo?: number): Promise<void>;
  putWill(clientId: string, connectionId: string, will: Will): Promise<void>;
  will(clientId: string, connectionId: string): Promise<Will | undefined>;
  /** Removes the will; `absent` if it was removed before. */
  removeWill(clientId: string, connectionId: string): Promise<'removed' | 'absent'>;
  putSubscriptions(session: SessionId, names: readonly string[]): Promise<void>;
  removeSubscriptions(session: SessionId, names: readonly string[]): Promise<void>;
  subscriptions(session: SessionId): Promise<string[]>;
  /** Returns at most `limit` names of subscriptions, and whether there are more. */
  someSubscriptions(
    session: SessionId,
    limit: number,
  ): Promise<{ readonly names: string[]; readonly hasMore: boolean }>;
  /** Returns the names that the session has. */
  hasSubscriptions(session: SessionId, names: readonly string[]): Promise<Set<string>>;
}

/** Fields that a connection leaves in the item of its session. */
export interface ReleaseDetails extends Ending {
  /** Time at which the client left, milliseconds since 1970. */
  readonly leftAt?: number;
  readonly subscribed?: SubscriptionCounts;
}
