import WebSocket from 'ws';
import { type GatewayOptions, withDefaults } from './gateway-options';
import { NodeWebSocket } from './node-websocket';
import { CirrusWebSocket } from './websocket';

/** The `createWebsocket` option of MQTT.js 5, and what it looks for in the other options. */
export type CreateWebsocket = (
  url: string,
  protocols: string[],
  options: { forceNativeWebSocket?: boolean; wsOptions?: object },
) => unknown;

/**
 * Makes a `createWebsocket` for MQTT.js 5 that keeps connections as the options say:
 * `mqtt.connect('wss://…', { createWebsocket: createWebsocketWith({ token }) })`.
 *
 * @throws RangeError when an option is wrong
 */
export function createWebsocketWith(gateway: GatewayOptions): CreateWebsocket {
  withDefaults(gateway); // What is wrong is said here, not by the first connection.
  return (url, protocols, options) => {
    // In Node MQTT.js makes a stream of the result, which takes a `ws`; elsewhere it wants the surface of a browser.
    const inNode = 'createWebSocketStream' in WebSocket; // A bundle for the browser has a stub of `ws`.
    if (!inNode || options.forceNativeWebSocket) return new CirrusWebSocket(url, protocols, gateway);
    return new NodeWebSocket(url, protocols, options.wsOptions, gateway);
  };
}

/** The `createWebsocket` option of MQTT.js 5 without further ado: `mqtt.connect('wss://…', { createWebsocket })`. */
export const createWebsocket: CreateWebsocket = createWebsocketWith({});
