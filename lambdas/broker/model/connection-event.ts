import type { AdminDisconnect } from './connection';
import type { Continuation } from './continuation';

/** One event in the ordered stream of a connection. */
export type ConnectionEvent = FrameEvent | SignalEvent | AdminDisconnectEvent | ContinueEvent;

interface EventBase {
  /** Stays the same when the event is delivered again. */
  readonly id: string;
  readonly connectionId: string;
  /** Time at which the gateway received the event or the broker sent it, milliseconds since 1970. */
  readonly receivedAt: number;
  /** The event was delivered before, and the earlier attempt may have done any part of the work. */
  readonly redelivered: boolean;
  /** The event failed at every attempt that the queue allows: the turn only closes its connection. */
  readonly exhausted: boolean;
}

/** A text frame of the client. */
export interface FrameEvent extends EventBase {
  readonly kind: 'message';
  /** Time at which API Gateway accepted the connection, milliseconds since 1970. */
  readonly connectedAt: number;
  readonly text: string;
  /** Source address of the client. */
  readonly address: string;
}

/**
 * An event without a payload. `disconnect`: the connection is over. `wake`: messages wait for the client, or the connection that it
 * takes over has ended. `expired`: a deadline of the connection may have passed.
 */
export interface SignalEvent extends EventBase {
  readonly kind: 'disconnect' | 'wake' | 'expired';
  /** Client whose session the connection owns; present for a `disconnect` that the broker has sent, as far as it was known. */
  readonly clientId?: string;
}

/** A backend disconnects the client. The queue carries the event under the name `dismiss`. */
export interface AdminDisconnectEvent extends EventBase {
  readonly kind: 'adminDisconnect';
  readonly adminDisconnect: AdminDisconnect;
}

/** Work that an earlier turn did not finish. */
export interface ContinueEvent extends EventBase {
  readonly kind: 'continue';
  readonly continuation: Continuation;
}

export function isFrame(event: ConnectionEvent): event is FrameEvent {
  return event.kind === 'message';
}

/** A frame whose predecessors have arrived. */
export interface ReadyFrame {
  readonly number?: number;
  readonly bytes: Buffer;
  readonly eventId: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** Time at which API Gateway accepted the connection, milliseconds since 1970. */
  readonly connectedAt: number;
  readonly redelivered: boolean;
  /** Index of its first packet in the whole frame, where these bytes are the rest of one; 0 if absent. */
  readonly firstIndex?: number;
}

/** Bytes and number of early frames that one connection may keep before it is closed. */
export const maxEarlyBytes = 98_304;
export const maxEarlyFrames = 256; // each further frame writes all of them again
