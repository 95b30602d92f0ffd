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

/** What is not the protocol's to decide. */
export interface Surroundings {
  /** A client id nobody else has, for a client that brought none. */
  readonly generateClientId: () => string;
  readonly limits: SubscriptionLimits & ConnectLimits;
  /** When the packet arrived, milliseconds since 1970. */
  readonly now: number;
  /** CONNECT has been read and waits until its client has proved who it is. */
  readonly pending?: Authentication;
}

/** What a packet from a client asks for. `session` is undefined until CONNECT was accepted. */
export function handlePacket(
  packet: ClientPacket,
  session: SessionView | undefined,
  surroundings: Surroundings,
): Effect[] {
  if (packet.cmd === 'connect') {
    if (session || surroundings.pending) throw new ProtocolError(Reason.protocolError, 'second CONNECT'); // [v3 MQTT-3.1.0-2]
    return handleConnect(packet, surroundings.generateClientId, surroundings.limits);
  }
  if (session) return handleInSession(packet, session, surroundings);
  if (surroundings.pending) return handleWhilePending(packet, surroundings.pending);
  throw new ProtocolError(Reason.protocolError, `${packet.cmd} before CONNECT`); // [v3 MQTT-3.1.0-1]
}

/** Between CONNECT and CONNACK [MQTT-3.1.2-30]. */
function handleWhilePending(packet: Exclude<ClientPacket, ConnectPacket>, pending: Authentication): Effect[] {
  if (packet.cmd === 'auth') return handleAuth(packet, pending);
  if (packet.cmd === 'disconnect') return [{ do: 'disconnect', withWill: false }];
  throw new ProtocolError(Reason.protocolError, `${packet.cmd} before CONNACK`);
}

function handleInSession(
  packet: Exclude<ClientPacket, ConnectPacket>,
  session: SessionView,
  { limits, now }: Surroundings,
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
