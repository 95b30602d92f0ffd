import type { APIGatewayProxyResultV2, APIGatewayProxyWebsocketEventV2 } from 'aws-lambda';
import { chooseSubprotocol } from './transport/subprotocol';

type ConnectEvent = APIGatewayProxyWebsocketEventV2 & { headers?: Record<string, string | undefined> };

/** `$connect`: agrees on the subprotocol. The session is claimed by the CONNECT packet, not here. */
export async function handler(event: ConnectEvent): Promise<APIGatewayProxyResultV2> {
  const headers = Object.entries(event.headers ?? {});
  const [, offered] = headers.find(([name]) => name.toLowerCase() === 'sec-websocket-protocol') ?? [];
  const subprotocol = chooseSubprotocol(offered);
  if (subprotocol === 'refused') return { statusCode: 400, body: 'offer the subprotocol mqtt' };
  if (subprotocol === 'none') return { statusCode: 200 };
  return { statusCode: 200, headers: { 'Sec-WebSocket-Protocol': subprotocol.chosen } };
}
