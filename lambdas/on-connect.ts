import type { APIGatewayProxyResultV2 } from 'aws-lambda';
import type { AccessConfig } from './access/access-config';
import { unpackAccess } from './access/read-access';
import { Handshake, type TokenVerification } from './broker/connect/handshake';
import { accessVariable } from './deployment';
import { settingsFromEnvironment } from './settings';
import { type ConnectEvent, toOffer } from './transport/handshake-offer';
import { handshakePorts } from './wiring/handshake-ports';

const access = unpackAccess(process.env[accessVariable]);

const ports = handshakePorts(process.env);
const handshake = new Handshake({
  ports,
  ...(access.issuers.length > 0 && { tokens: verificationFor(access) }),
  tokenRequired: access.handshake === 'required',
  connectTimeout: settingsFromEnvironment(process.env).connectTimeout,
});

/** `$connect`: agrees on the subprotocol and looks at a token. The session is claimed by the CONNECT packet, not here. */
export async function handler(event: ConnectEvent): Promise<APIGatewayProxyResultV2> {
  const { status: statusCode, subprotocol, body } = await handshake.respond(toOffer(event));
  ports.metrics.write();
  const headers = subprotocol === undefined ? {} : { headers: { 'Sec-WebSocket-Protocol': subprotocol } };
  return { statusCode, ...headers, ...(body !== undefined && { body }) };
}

/** Its cryptography is loaded only where there are issuers, but then at once: Lambda gives a start more power than a call. */
function verificationFor(config: AccessConfig): TokenVerification {
  const verifier = import('./access/verifier').then(({ verifierOf }) => verifierOf(config));
  return { verify: async (token, now) => (await verifier).verify(token, now) };
}
