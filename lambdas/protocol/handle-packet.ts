import type { Effect } from './effects';
import type { ClientPacket, ConnectPacket } from './packets';
import { handleAuth } from './packets/auth';
import { type ConnectLimits, handleConnect } from './packets/connect';
import { handleDisconnect } from './packets/disconnect';
import { handlePingreq } from './packets/pingreq';
import { handlePuback } from './packets/puback';
import { handlePubcomp } from './packets/pubcomp';
import { handlePublish } from './packets/publish';
import { handlePubrec } from './packets/pubrec';
import { handlePubrel } from './packets/pubrel';
import { handleSubscribe, type SubscriptionLimits } from './packets/subscribe';
import { handleUnsubscribe } from './packets/unsubscribe';
import { ProtocolError, Reason } from './reason-codes';
import type { Authentication, SessionView } from './session-view';

/** Facts from outside that packet handlers depend on. */
export interface PacketContext {
  /** Returns a unique client id, for a client that sent an empty one. */
  readonly generateClientId: () => string;
  readonly limits: SubscriptionLimits & ConnectLimits;
  /** Arrival time of the packet in milliseconds since 1970. */
  readonly now: number;
  /** Present between CONNECT and CONNACK while enhanced authentication is in progress. */
  readonly pending?: Authentication;
}

/**
 * Returns the effects of a packet from a client. `session` is undefined until CONNECT has been accepted.
 *
 * @throws ProtocolError if the specification does not allow the packet in this state.
 */
export function handlePacket(packet: ClientPacket, session: SessionView | undefined, context: PacketContext): Effect[] {
  if (packet.cmd === 'connect') {
    if (session || context.pending) throw new ProtocolError(Reason.protocolError, 'second CONNECT'); // [v3 MQTT-3.1.0-2]
    return handleConnect(packet, context.generateClientId, context.limits);
  }
  if (session) return handleInSession(packet, session, context);
  if (context.pending) return handleWhilePending(packet, context.pending);
  throw new ProtocolError(Reason.protocolError, `${packet.cmd} before CONNECT`); // [v3 MQTT-3.1.0-1]
}

/** Only AUTH and DISCONNECT are allowed between CONNECT and CONNACK [MQTT-3.1.2-30]. */
function handleWhilePending(packet: Exclude<ClientPacket, ConnectPacket>, pending: Authentication): Effect[] {
  if (packet.cmd === 'auth') return handleAuth(packet, pending);
  if (packet.cmd === 'disconnect') return [{ do: 'disconnect', withWill: false }];
  throw new ProtocolError(Reason.protocolError, `${packet.cmd} before CONNACK`);
}

function handleInSession(
  packet: Exclude<ClientPacket, ConnectPacket>,
  session: SessionView,
  { limits, now }: PacketContext,
): Effect[] {
  switch (packet.cmd) {
    case 'publish':
      return handlePublish(packet, session, now);
    case 'puback':
      return handlePuback(packet);
    case 'pubrec':
      return handlePubrec(packet);
    case 'pubrel':
      return handlePubrel(packet);
    case 'pubcomp':
      return handlePubcomp(packet);
    case 'subscribe':
      return handleSubscribe(packet, session, limits);
    case 'unsubscribe':
      return handleUnsubscribe(packet, session.version);
    case 'pingreq':
      return handlePingreq();
    case 'disconnect':
      return handleDisconnect(packet, session);
    case 'auth':
      return handleAuth(packet, session.authentication);
  }
}
