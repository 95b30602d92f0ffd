import type { Message } from '../../protocol/effects';
import type { Subscriber } from './subscription';

export interface FanOutMessage {
  readonly id: string;
  readonly message: Message;
  /** An earlier attempt may have put it into rings. */
  readonly attempted: boolean;
  /** When it reached the gateway, milliseconds since 1970; absent for a will. */
  readonly receivedAt?: number;
}

/** One message for one audience, too large for the publisher's own invocation. */
export interface FanOutJob {
  /** Jobs of one shard are worked off in order. */
  readonly shard: string;
  /** The same for a repeated attempt with the same messages to the same subscribers, and for no other. */
  readonly id: string;
  readonly messages: readonly FanOutMessage[];
  readonly subscribers: readonly Subscriber[];
}

/** A message that crosses between brokers. */
export interface IdentifiedMessage {
  /** The same for a repeated attempt. */
  readonly id: string;
  readonly message: Message;
}
