import type { APIGatewayProxyResultV2 } from 'aws-lambda';
import type { AccessConfig } from './access/access-config';
import { unpackAccess } from './access/read-access';
import { Handshake, type TokenVerification } from './broker/connect/handshake';
import { accessVariable } from './deployment';
import { settingsFromEnvironment } from './settings';
import { type ConnectEvent, toHandshakeRequest } from './transport/handshake-request';
import { handshakePorts } from './wiring/handshake-ports';

const access = unpackAccess(process.env[accessVariable]);

const ports = handshakePorts(process.env);
const handshake = new Handshake({
  ports,
  ...(access.issuers.length > 0 && { tokens: verificationFor(access) }),
  tokenRequired: access.handshake === 'required',
  connectTimeout: settingsFromEnvironment(process.env).connectTimeout,
});

/** Handles `$connect`: selects the subprotocol and verifies a token. The CONNECT packet claims the session later. */
export async function handler(event: ConnectEvent): Promise<APIGatewayProxyResultV2> {
  const { status: statusCode, subprotocol, body } = await handshake.respond(toHandshakeRequest(event));
  ports.metrics.write();
  const headers = subprotocol === undefined ? {} : { headers: { 'Sec-WebSocket-Protocol': subprotocol } };
  return { statusCode, ...headers, ...(body !== undefined && { body }) };
}

/** Loads the cryptography only if there are issuers, but then during the start, when Lambda provides more processor time. */
function verificationFor(config: AccessConfig): TokenVerification {
  const verifier = import('./access/verifier').then(({ verifierOf }) => verifierOf(config));
  return { verify: async (token, now) => (await verifier).verify(token, now) };
}
