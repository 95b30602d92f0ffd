import type { Effect } from '../effects';
import type { AuthPacket } from '../packets';
import { ProtocolError, Reason } from '../reason-codes';
import type { Authentication } from '../session-view';

/**
 * AUTH, section 3.15. A client may send it only if CONNECT had an Authentication Method, and only for that method.
 *
 * @throws ProtocolError 0x82 otherwise.
 */
export function handleAuth(packet: AuthPacket, authentication: Authentication | undefined): Effect[] {
  if (!authentication) {
    throw new ProtocolError(Reason.protocolError, 'AUTH without an authentication method in CONNECT'); // [MQTT-4.12.0-7]
  }
  const { authenticationMethod, authenticationData } = packet.properties ?? {};
  if (authenticationMethod !== authentication.method) {
    throw new ProtocolError(Reason.protocolError, 'AUTH names another method than CONNECT'); // [MQTT-4.12.0-5]
  }
  const isReauthentication = packet.reasonCode === Reason.reAuthenticate;
  if (isReauthentication === authentication.isPending) {
    throw new ProtocolError(
      Reason.protocolError,
      isReauthentication ? 'authentication is in progress' : 'no authentication is in progress',
    ); // section 4.12
  }
  return [{ do: 'authenticate', isReauthentication, ...(authenticationData && { data: authenticationData }) }];
}
