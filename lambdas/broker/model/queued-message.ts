import type { Message } from '../../protocol/effects';
import type { Fence, SessionId } from './fence';
import type { SharedSubscription } from './subscription';

/** An outgoing message of QoS 1 or 2 that is not acknowledged. */
export interface QueuedMessage {
  readonly packetId: number;
  readonly message: Message;
  readonly retain: boolean;
  readonly identifiers?: readonly number[];
  /** Present for a message of a shared subscription. If the session ends, another member gets it. */
  readonly share?: SharedSubscription;
}

/** The content of one slot: a message, or at QoS 1 a bundle of small messages that were routed together. */
export interface QueueItem {
  readonly session: SessionId;
  /** Packet id of the first message, which names the slot. */
  readonly slot: number;
  /** Number of the first message. */
  readonly number: number;
  /** Id of a QoS 2 message; absent at QoS 1. */
  readonly id?: string;
  readonly messages: readonly QueuedMessage[];
  readonly qos: 1 | 2;
  readonly state: 'published' | 'released';
  /** Fence of the connection that it was last sent on; empty while it waits. */
  readonly sentOn: Fence | '';
  /** Id of the event whose turn claimed it, so that a redelivery of that event recognizes the claim. */
  readonly sentBy: string;
  /** Seconds since 1970 after which DynamoDB may delete it, where its session ends with the connection. */
  readonly expiresAt?: number;
}

/** An incoming QoS 2 message between PUBLISH and PUBREL. */
export interface HeldMessage {
  readonly packetId: number;
  readonly id: string;
  /** Fence of the connection whose stream may route it. */
  readonly holder: Fence;
  readonly message: Message;
}

/** Record of an attempt to deliver one QoS 2 message to one session. */
export interface Qos2Record {
  readonly session: SessionId;
  readonly id: string;
  readonly number: number;
  readonly done: boolean;
  /** Client id of the chosen member, where a share takes the place of the session. */
  readonly member?: string;
  /** Time at which it was put into the queue, milliseconds since 1970; absent when it is done. */
  readonly routedAt?: number;
}
