import WebSocket from 'ws';
import { type GatewayOptions, withDefaults } from './gateway-options';
import { NodeWebSocket } from './node-websocket';
import { guardPublish, type PublishingClient, refuseStored } from './publish-guard';
import type { Refusal } from './size-gate';
import { CirrusWebSocket } from './websocket';

/** The options of MQTT.js 5 that the shim reads and sets. */
interface ClientOptions {
  forceNativeWebSocket?: boolean;
  wsOptions?: object;
  transformWsUrl?: (url: string, options: never, client: never) => string;
}

/** The `createWebsocket` option of MQTT.js 5, and what it looks for in the other options. */
export type CreateWebsocket = (url: string, protocols: string[], options: ClientOptions) => unknown;

/** Options whose client `transformWsUrl` will name. */
const asked = new WeakSet<object>();

/**
 * Makes a `createWebsocket` for MQTT.js 5 that keeps connections as the options say:
 * `mqtt.connect('wss://…', { createWebsocket: createWebsocketWith({ token }) })`.
 *
 * @throws RangeError when an option is wrong
 */
export function createWebsocketWith(gateway: GatewayOptions): CreateWebsocket {
  withDefaults(gateway); // What is wrong is said here, not by the first connection.
  return (url, protocols, options) => {
    askForClient(options);
    const onRefused = (refusal: Refusal) => refuseStored(options, refusal);
    // In Node MQTT.js makes a stream of the result, which takes a `ws`; elsewhere it wants the surface of a browser.
    const inNode = 'createWebSocketStream' in WebSocket; // A bundle for the browser has a stub of `ws`.
    if (!inNode || options.forceNativeWebSocket) return new CirrusWebSocket(url, protocols, gateway, onRefused);
    return new NodeWebSocket(url, protocols, options.wsOptions, gateway, onRefused);
  };
}

/** The `createWebsocket` option of MQTT.js 5 without further ado: `mqtt.connect('wss://…', { createWebsocket })`. */
export const createWebsocket: CreateWebsocket = createWebsocketWith({});

export { guardPublish };

/**
 * MQTT.js names its client to `transformWsUrl` only, which is called before each connection: from the second one on the
 * client is guarded even if its program does not do it.
 */
function askForClient(options: ClientOptions): void {
  if (asked.has(options)) return;
  asked.add(options);
  const { transformWsUrl } = options;
  options.transformWsUrl = (url, given, client) => {
    guardPublish(client as PublishingClient);
    return transformWsUrl ? transformWsUrl(url, given, client) : url;
  };
}
