import type { Message } from '../../protocol/effects';
import type { Subscriber } from './subscription';

export interface FanOutMessage {
  readonly id: string;
  readonly message: Message;
  /** An earlier attempt may have put it into queues. */
  readonly attempted: boolean;
  /** Time at which the gateway received it, milliseconds since 1970; absent for a will. */
  readonly receivedAt?: number;
}

/** Messages for some of their recipients, where these are too many for the invocation of the publisher. */
export interface FanOutJob {
  /** Jobs of one shard run in order. */
  readonly shard: string;
  /** Stays the same for the same messages to the same subscribers, and only for them. */
  readonly id: string;
  readonly messages: readonly FanOutMessage[];
  readonly subscribers: readonly Subscriber[];
}

/** A message that crosses between brokers. */
export interface IdentifiedMessage {
  /** Stays the same for a repeated attempt. */
  readonly id: string;
  readonly message: Message;
}
