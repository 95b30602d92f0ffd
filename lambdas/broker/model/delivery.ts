import type { Message } from '../../protocol/effects';
import type { QoS } from '../../protocol/packets';
import type { SessionId } from './fence';
import type { SharedSubscription, SubscriptionRow } from './subscription';

/** A message to deliver, from a client, a will, a backend or the bridge. */
export interface IncomingMessage {
  readonly message: Message;
  /** Stays the same when the delivery is attempted again. */
  readonly id: string;
  /** An earlier attempt may have sent it: a QoS 0 message is not sent again. */
  readonly replay: boolean;
  /** An earlier attempt may have put it into queues: the records of a QoS 2 message are read. */
  readonly attempted: boolean;
  /** A retained message that is sent because of a new subscription. */
  readonly retained: boolean;
  /**
   * Time at which the gateway received the frame of the message, at QoS 2 that of PUBREL, milliseconds since 1970; absent where no
   * client has sent it just now.
   */
  readonly receivedAt?: number;
  /** Account of the publisher, against whose limit a retained message counts; absent where no client has published it. */
  readonly account?: string;
}

/** One incoming message for one session, at the lower of the QoS published and granted. */
export interface Delivery {
  readonly incoming: IncomingMessage;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly identifiers?: readonly number[];
  /** Present for a message of a shared subscription. */
  readonly share?: SharedSubscription;
}

/** The deliveries to one session, in order. */
export interface SessionDeliveries {
  readonly clientId: string;
  readonly session: SessionId;
  /** Subscription that led to the session, which is removed if the session has ended. */
  readonly row?: SubscriptionRow;
  readonly deliveries: readonly Delivery[];
  /** Returns those of the deliveries that are still to be sent; called after their numbers are reserved. */
  readonly stillWanted?: (deliveries: readonly Delivery[]) => Promise<readonly Delivery[]>;
}

/** Returns the id of the QoS 2 record of a delivery. Each share delivers a message of its own. */
export function deliveryId({ incoming, share }: Delivery): string {
  return share ? `${incoming.id}$${share.share}/${share.filter}` : incoming.id;
}
