import type { AdminDisconnect } from '../model/connection';
import type { Continuation } from '../model/continuation';
import type { FanOutJob, IdentifiedMessage } from '../model/fan-out-job';

/** The ordered stream of events of each connection. */
export interface PacketQueue {
  /** Puts `wake` into the stream of a connection, once for the same `deduplicationId`. */
  wake(connectionId: string, deduplicationId: number | string): Promise<void>;
  /** Ends a connection, also where the gateway sends no disconnect event. `clientId` is the owner of its session, where it is known. */
  disconnect(connectionId: string, clientId?: string): Promise<void>;
  /** Puts `expired` into the stream of a connection whose deadline may have passed. */
  expire(connectionId: string): Promise<void>;
  /** Disconnects a client by order of a backend, once for the same `deduplicationId`. */
  adminDisconnect(connectionId: string, adminDisconnect: AdminDisconnect, deduplicationId: string): Promise<void>;
  /**
   * Continues work behind the frames that have arrived meanwhile. The same work is queued once for the same `deduplicationId`, which
   * names the events of the turn that leaves it.
   */
  continue(connectionId: string, continuation: Continuation, deduplicationId: string): Promise<void>;
}

/** A check whether a deadline of a connection has passed. */
export interface ScheduledCheck {
  readonly connectionId: string;
  readonly delaySeconds: number;
  /** The check schedules the next one while the connection is open. */
  readonly renews: boolean;
}

/** Delayed tasks. A delay is at most 900 s, the limit of SQS. SQS may deliver each task twice. */
export interface TimerQueue {
  /** Schedules a check whether a deadline of a connection has passed. */
  scheduleCheck(check: ScheduledCheck): Promise<void>;
  /** Schedules a further sweep of all connections. */
  scheduleSweep(delaySeconds: number): Promise<void>;
  /** Starts the shape check that was requested. */
  scheduleShapeCheck(): Promise<void>;
  /** Schedules a wake, which drains the queue of the session. */
  scheduleWake(connectionId: string, delaySeconds: number): Promise<void>;
  /** Schedules the close of a connection whose client has not connected by then. */
  scheduleConnectTimeout(connectionId: string, delaySeconds: number): Promise<void>;
}

/** Jobs for the recipients of messages that have too many for one invocation. */
export interface FanOutQueue {
  send(jobs: readonly FanOutJob[]): Promise<void>;
}

/** Forwards messages to the other broker of the bridge. */
export interface BridgeQueue {
  /** Returns when the messages that match a route are durable. */
  forward(messages: readonly IdentifiedMessage[]): Promise<void>;
}
