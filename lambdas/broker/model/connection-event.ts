import type { AdminDisconnect } from './connection';
import type { Continuation } from './continuation';

/** One event in the ordered stream of a connection. */
export type ConnectionEvent = FrameEvent | SignalEvent | AdminDisconnectEvent | ContinueEvent;

interface EventBase {
  /** The same when the event is delivered again. */
  readonly id: string;
  readonly connectionId: string;
  /** When it reached the gateway or was sent by the broker, milliseconds since 1970. */
  readonly receivedAt: number;
  /** It was handed out before, and whoever got it may have done any part of the work. */
  readonly redelivered: boolean;
  /** It failed as often as anybody may try: what is left to do is to close its connection. */
  readonly exhausted: boolean;
}

/** A text frame of the client. */
export interface FrameEvent extends EventBase {
  readonly kind: 'message';
  /** When API Gateway accepted the connection, milliseconds since 1970. */
  readonly connectedAt: number;
  readonly text: string;
  /** Source address of the client. */
  readonly address: string;
}

/**
 * `disconnect`: the connection is over. `wake`: messages wait for the client, or the connection that it takes over has ended.
 * `expired`: a deadline of the connection may have passed.
 */
export interface SignalEvent extends EventBase {
  readonly kind: 'disconnect' | 'wake' | 'expired';
  /** Of a `disconnect` that the broker has sent: whose session the connection owns, as far as that was known. */
  readonly clientId?: string;
}

/** A backend wants the client disconnected. */
export interface AdminDisconnectEvent extends EventBase {
  readonly kind: 'dismiss';
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

/** A frame whose turn has come. */
export interface ReadyFrame {
  readonly number?: number;
  readonly bytes: Buffer;
  readonly eventId: string;
  readonly receivedAt: number;
  /** When API Gateway accepted the connection, milliseconds since 1970. */
  readonly connectedAt: number;
  readonly redelivered: boolean;
  /** Place of its first packet in the frame that it is the rest of; 0 if absent. */
  readonly firstIndex?: number;
}

/** What an overtaken frame may cost before its connection is closed: bytes and frames kept, and milliseconds waited. */
export const earlyBytes = 98_304;
export const earlyCount = 256; // all of them are written again with each that joins them
