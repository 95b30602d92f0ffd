import type { APIGatewayProxyResultV2 } from 'aws-lambda';
import { verifierOf } from './access/assemble';
import { unpackAccess } from './access/read-access';
import { Handshake } from './broker/handshake';
import { accessVariable } from './deployment';
import { portsFromEnvironment } from './ports-from-env';
import { settingsFromEnvironment } from './settings';
import { type ConnectEvent, toOffer } from './transport/handshake-offer';

const access = unpackAccess(process.env[accessVariable]);
const ports = portsFromEnvironment(process.env);

const handshake = new Handshake({
  ports,
  tokens: verifierOf(access),
  hasIssuers: access.issuers.length > 0,
  tokenRequired: access.handshake === 'required',
  connectTimeout: settingsFromEnvironment(process.env).connectTimeout,
});

/** `$connect`: agrees on the subprotocol and looks at a token. The session is claimed by the CONNECT packet, not here. */
export async function handler(event: ConnectEvent): Promise<APIGatewayProxyResultV2> {
  const { status: statusCode, subprotocol, body } = await handshake.answer(toOffer(event));
  const headers = subprotocol === undefined ? {} : { headers: { 'Sec-WebSocket-Protocol': subprotocol } };
  return { statusCode, ...headers, ...(body !== undefined && { body }) };
}
