import type { IClientOptions } from 'mqtt';
import WebSocket from 'ws';
import { NodeWebSocket } from './node-websocket';
import { CirrusWebSocket } from './websocket';

/**
 * The `createWebsocket` option of MQTT.js 5: `mqtt.connect('wss://…', { createWebsocket })`.
 * In Node MQTT.js makes a stream of the result, which takes a `ws`; elsewhere it wants the browser's surface.
 */
export function createWebsocket(
  url: string,
  protocols: string[],
  options: Pick<IClientOptions, 'forceNativeWebSocket' | 'wsOptions'>,
): NodeWebSocket | CirrusWebSocket {
  const inNode = 'createWebSocketStream' in WebSocket; // A bundle for the browser has a stub of `ws`.
  if (!inNode || options.forceNativeWebSocket) return new CirrusWebSocket(url, protocols);
  return new NodeWebSocket(url, protocols, options.wsOptions as WebSocket.ClientOptions);
}
