import { downgrade } from '../../protocol/outgoing-publish';
import type { Delivery, IncomingMessage, SessionDeliveries } from '../model/delivery';
import type { SessionId } from '../model/fence';
import type { Subscriber } from '../model/subscription';
import { type Recipient, subscriptionFor } from '../topic-index/recipients';

/** Returns the deliveries of each session, each message at the lower of the QoS published and granted [MQTT-3.8.4-8]. */
export function deliveriesFor(
  incoming: readonly IncomingMessage[],
  recipientsFor: (incoming: IncomingMessage) => readonly Recipient[],
): SessionDeliveries[] {
  const bySession = new Map<SessionId, SessionDeliveries & { deliveries: Delivery[] }>();
  for (const one of incoming) {
    for (const recipient of recipientsFor(one)) {
      const subscriber = subscriptionFor(recipient, one.message);
      if (!subscriber) continue;
      const { clientId, session } = subscriber;
      const entry = bySession.get(session);
      if (entry) entry.deliveries.push(deliveryTo(subscriber, one));
      else bySession.set(session, { clientId, session, row: subscriber, deliveries: [deliveryTo(subscriber, one)] });
    }
  }
  return [...bySession.values()];
}

function deliveryTo(
  { qos, retainAsPublished, identifiers, share, filter }: Subscriber,
  incoming: IncomingMessage,
): Delivery {
  const { message, retained } = incoming;
  return {
    incoming,
    qos: downgrade(message.qos, qos),
    retain: retained || (retainAsPublished === true && message.retain), // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    ...(identifiers && { identifiers }),
    ...(share !== undefined && { share: { share, filter } }),
  };
}
