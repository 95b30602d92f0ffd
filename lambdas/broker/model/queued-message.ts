import type { Message } from '../../protocol/effects';
import type { Fence, SessionId } from './fence';
import type { SharedSubscription } from './subscription';

/** One outgoing message that is not acknowledged yet. */
export interface QueuedMessage {
  readonly packetId: number;
  readonly message: Message;
  readonly retain: boolean;
  readonly identifiers?: readonly number[];
  /** It came through a shared subscription, `filter` and ShareName: should its session end, another member gets it. */
  readonly share?: SharedSubscription;
}

/** What lies in one slot: a message, or at QoS 1 a bundle of small ones that were routed together. */
export interface QueueItem {
  readonly session: SessionId;
  /** Packet id that names the slot, which is that of its first message. */
  readonly slot: number;
  /** Of its first message. */
  readonly number: number;
  /** Identity of a QoS 2 message; absent at QoS 1. */
  readonly id?: string;
  readonly messages: readonly QueuedMessage[];
  readonly qos: 1 | 2;
  readonly state: 'published' | 'released';
  /** Fence of the connection it was last sent on, empty before the first. */
  readonly sentOn: Fence | '';
  /** Event whose handling sent it, so that its redelivery knows its own traces. */
  readonly sentBy: string;
  /** Seconds since 1970 after which a leftover of a session that ended may be deleted. */
  readonly expiresAt?: number;
}

/** An incoming QoS 2 message between PUBLISH and PUBREL. */
export interface HeldMessage {
  readonly packetId: number;
  readonly id: string;
  /** Fence of the connection whose ordered stream may route it. */
  readonly holder: Fence;
  readonly message: Message;
}

/** What is known about an earlier attempt to route one QoS 2 message to one session. */
export interface Qos2Record {
  readonly session: SessionId;
  readonly id: string;
  readonly number: number;
  readonly done: boolean;
  /** Client id of the member that was chosen, where the session is that of a share. */
  readonly member?: string;
  /** When it was put into the ring, milliseconds since 1970; absent when it is done. */
  readonly routedAt?: number;
}
