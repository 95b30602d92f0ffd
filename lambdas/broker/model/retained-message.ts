import type { Message, SubscriptionRequest } from '../../protocol/effects';

/** A turn of a connection. It is over when its last frame is committed, or the connection has ended. */
export interface WritingTurn {
  readonly connectionId: string;
  /** Number of the last frame of the turn. */
  readonly number: number;
}

/** One write of the retained message of a topic, or its removal. */
export interface RetainedWrite {
  readonly topic: string;
  readonly revision: string;
  /** Begin of the write, milliseconds since 1970. */
  readonly at: number;
  /** Absent where the writer commits no frame: a backend, a bridge, a will. */
  readonly turn?: WritingTurn;
}

/** A retained message as it was read. */
export interface RetainedCopy {
  readonly message: Message;
  /** Revision of the write that put it. */
  readonly revision: string;
  /** Present at QoS 2: id under which the message was published, and its write. A session gets that id only once. */
  readonly routing?: { readonly id: string; readonly write: RetainedWrite };
}

/** Retained messages that a new subscription has yet to get. */
export interface PendingRetained {
  readonly request: SubscriptionRequest;
  /** Id of the SUBSCRIBE packet, which stays the same when its event is delivered again. */
  readonly id: string;
  /** Time at which the gateway received SUBSCRIBE, milliseconds since 1970. */
  readonly receivedAt: number;
  /** An earlier attempt may have sent some of them. */
  readonly attempted: boolean;
  /** End of the preceding page, from `RetainedPage.next`; absent before the first page. */
  readonly cursor?: string;
  /** Messages of QoS 1 and 2 that were sent so far. */
  readonly queued: number;
}
