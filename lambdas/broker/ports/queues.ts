import type { AdminDisconnect } from '../model/connection';
import type { Continuation } from '../model/continuation';
import type { FanOutJob, IdentifiedMessage } from '../model/fan-out-job';

/** The ordered stream of events of each connection. */
export interface PacketQueue {
  wake(connectionId: string, occasion: number | string): Promise<void>;
  /** The connection is over, whether the gateway says so or not. `clientId`: whose session it owns, as far as that is known. */
  disconnect(connectionId: string, clientId?: string): Promise<void>;
  /** The keep-alive seems to have run out. */
  expire(connectionId: string): Promise<void>;
  /** A backend wants the client gone; `occasion` is the same for the same wish. */
  adminDisconnect(connectionId: string, dismissal: AdminDisconnect, occasion: string): Promise<void>;
  /**
   * Goes on with work behind what the client has sent meanwhile. The same work on the same occasion, which is the event of the turn
   * that leaves it, is not asked for twice.
   */
  continue(connectionId: string, continuation: Continuation, occasion: string): Promise<void>;
}

/** A check whether a deadline of a connection has passed. */
export interface ScheduledCheck {
  readonly connectionId: string;
  /** At most 900, the limit of SQS. */
  readonly delaySeconds: number;
  /** The check schedules the next one while the connection is open. */
  readonly renews: boolean;
}

export interface TimerQueue {
  /** Asks for the check of a connection. */
  scheduleCheck(check: ScheduledCheck): Promise<void>;
  /** Asks for a look at all connections after a delay. */
  scheduleSweep(delaySeconds: number): Promise<void>;
  /** Asks for the check of shapes that was requested. */
  scheduleShapeCheck(): Promise<void>;
  /** Asks for another pump after a delay. */
  scheduleWake(connectionId: string, delaySeconds: number): Promise<void>;
  /** Asks to close the connection after a delay unless its client was let in by then. */
  scheduleConnectTimeout(connectionId: string, delaySeconds: number): Promise<void>;
}

export interface FanOutQueue {
  send(jobs: readonly FanOutJob[]): Promise<void>;
}

/** The way to another broker. */
export interface BridgeQueue {
  /** Returns when those that are to cross are durable. */
  forward(messages: readonly IdentifiedMessage[]): Promise<void>;
}
