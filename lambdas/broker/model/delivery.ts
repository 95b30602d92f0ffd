import type { Message } from '../../protocol/effects';
import type { QoS } from '../../protocol/packets';
import type { SessionId } from './fence';
import type { SharedSubscription, SubscriptionRow } from './subscription';

/** A message to be delivered, wherever it came from. */
export interface IncomingMessage {
  readonly message: Message;
  /** The same for a repeated attempt to deliver the same message. */
  readonly id: string;
  /** An earlier attempt may have delivered it: at QoS 0 it is not sent again. */
  readonly replay: boolean;
  /** An earlier attempt may have put it into rings: at QoS 2 its records are read. */
  readonly attempted: boolean;
  /** Sent because of a new subscription, not because it was published just now. */
  readonly retained: boolean;
  /** When its frame reached the gateway, at QoS 2 that of PUBREL, milliseconds since 1970; absent when no client sent it just now. */
  readonly receivedAt?: number;
  /** Account of its publisher, which a retained message counts for; absent when no client has published it. */
  readonly account?: string;
}

/** One arrival for one session, at the lower of the QoS published and granted. */
export interface Delivery {
  readonly incoming: IncomingMessage;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly identifiers?: readonly number[];
  /** It comes through a shared subscription. */
  readonly share?: SharedSubscription;
}

/** What one session gets, in order. */
export interface SessionDeliveries {
  readonly clientId: string;
  readonly session: SessionId;
  /** A subscription that led here, if one did: to be removed when the session turns out to have ended. */
  readonly row?: SubscriptionRow;
  readonly deliveries: readonly Delivery[];
  /** Asked when numbers are reserved: which of these are to be sent under them after all. */
  readonly stillWanted?: (deliveries: readonly Delivery[]) => Promise<readonly Delivery[]>;
}

/** At QoS 2 a message is remembered by its id; through each share it is a message of its own. */
export function deliveryId({ incoming, share }: Delivery): string {
  return share ? `${incoming.id}$${share.share}/${share.filter}` : incoming.id;
}
