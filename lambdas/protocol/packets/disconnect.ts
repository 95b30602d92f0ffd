import type { Effect } from '../effects';
import type { DisconnectPacket } from '../packets';
import { ProtocolError, Reason } from '../reason-codes';
import type { SessionView } from '../session-view';

/**
 * DISCONNECT, section 3.14. The will is discarded after a normal disconnection [MQTT-3.14.4-3] [v3 MQTT-3.14.4-3] and published for any
 * other reason code [MQTT-3.1.2-8].
 *
 * @throws ProtocolError 0x82 for a Session Expiry Interval after 0 in CONNECT.
 */
export function handleDisconnect({ reasonCode, properties }: DisconnectPacket, session: SessionView): Effect[] {
  const withWill = (reasonCode ?? Reason.success) !== Reason.success;
  const sessionExpiry = properties?.sessionExpiryInterval;
  if (sessionExpiry === undefined) return [{ do: 'disconnect', withWill }];
  if (sessionExpiry > 0 && session.sessionExpiry === 0) {
    throw new ProtocolError(Reason.protocolError, 'a session expiry in DISCONNECT after none in CONNECT'); // section 3.14.2.2.2
  }
  return [{ do: 'disconnect', withWill, sessionExpiry }];
}
