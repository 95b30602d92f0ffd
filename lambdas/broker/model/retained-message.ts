import type { Message, SubscriptionRequest } from '../../protocol/effects';

/** A turn of a connection: over when this frame is committed, or the connection has ended. */
export interface WritingTurn {
  readonly connectionId: string;
  /** Number of the last frame of the turn. */
  readonly number: number;
}

/** One write of the retained message of a topic, or its removal. */
export interface RetainedWrite {
  readonly topic: string;
  readonly revision: string;
  /** When it began, milliseconds since 1970. */
  readonly at: number;
  /** Absent where the writer is no turn that commits a frame: a backend, a bridge, a will. */
  readonly turn?: WritingTurn;
}

/** A retained message as it was read. */
export interface RetainedCopy {
  readonly message: Message;
  /** Of the write that put it. */
  readonly revision: string;
  /** Present at QoS 2: by which a session to which it is routed may be sent it only once. */
  readonly routing?: { readonly id: string; readonly write: RetainedWrite };
}

/** What a subscription of the session is still owed of the retained messages that its filter finds. */
export interface PendingRetained {
  readonly request: SubscriptionRequest;
  /** Identity of the SUBSCRIBE packet: the same when its event is delivered again. */
  readonly id: string;
  /** When SUBSCRIBE reached the gateway, milliseconds since 1970. */
  readonly receivedAt: number;
  /** An earlier attempt may have sent some of it. */
  readonly attempted: boolean;
  /** End of the page before, as `RetainedPage.next` names it; absent before the first. */
  readonly cursor?: string;
  /** Messages of QoS 1 and 2 that it was sent so far. */
  readonly queued: number;
}
