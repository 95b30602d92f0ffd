import WebSocket from 'ws';
import { type GatewayOptions, withDefaults } from './gateway-options';
import { NodeWebSocket } from './node-websocket';
import { guardPublish, type PublishingClient, refuseStored } from './publish-guard';
import type { Refusal } from './size-gate';
import { CirrusWebSocket } from './websocket';

/** The options of MQTT.js 5 that the shim reads and changes. */
interface ClientOptions {
  forceNativeWebSocket?: boolean;
  wsOptions?: object;
  transformWsUrl?: (url: string, options: never, client: never) => string;
}

/** The type of the `createWebsocket` option of MQTT.js 5. */
export type CreateWebsocket = (url: string, protocols: string[], options: ClientOptions) => unknown;

/** Options whose `transformWsUrl` already guards its client. */
const guarded = new WeakSet<object>();

/**
 * Creates a `createWebsocket` option for MQTT.js 5 with options for the connection to the gateway.
 *
 * @throws RangeError if an option is wrong
 *
 * @example
 * const client = mqtt.connect('wss://abc123.execute-api.eu-west-1.amazonaws.com/mqtt', {
 *   createWebsocket: createWebsocketWith({
 *     token: async () => (await fetch('/token')).text(),
 *     upstreamKeepAlive: 540,
 *     batchMs: 20,
 *   }),
 * });
 */
export function createWebsocketWith(gateway: GatewayOptions): CreateWebsocket {
  withDefaults(gateway); // Throws for a wrong option now, not at the first connection.
  return (url, protocols, options) => {
    guardFromNextConnection(options);
    const onRefused = (refusal: Refusal) => refuseStored(options, refusal);
    // In Node MQTT.js wraps the result with `createWebSocketStream` of `ws`; elsewhere it needs the interface of a browser.
    const inNode = 'createWebSocketStream' in WebSocket; // Bundles for browsers contain a stub of `ws`.
    if (!inNode || options.forceNativeWebSocket) {
      return new CirrusWebSocket(url, protocols, { ...gateway, onRefused });
    }
    return new NodeWebSocket(url, protocols, { ws: options.wsOptions, gateway, onRefused });
  };
}

/**
 * The `createWebsocket` option of MQTT.js 5 with the default options: exchanges MQTT with the gateway as text frames, in browsers,
 * React Native and Node.
 *
 * @example
 * const client = mqtt.connect('wss://abc123.execute-api.eu-west-1.amazonaws.com/mqtt', { createWebsocket });
 * guardPublish(client);
 * client.on('connect', () => client.subscribe('hello/#', { qos: 1 }));
 * client.on('message', (topic, payload) => console.log(topic, String(payload)));
 */
export const createWebsocket: CreateWebsocket = createWebsocketWith({});

export { guardPublish };

/**
 * Guards the client of these options from its second connection on, even if the program does not call `guardPublish`. MQTT.js
 * passes its client only to `transformWsUrl`, which it calls before each connection.
 */
function guardFromNextConnection(options: ClientOptions): void {
  if (guarded.has(options)) return;
  guarded.add(options);
  const { transformWsUrl } = options;
  options.transformWsUrl = (url, given, client) => {
    guardPublish(client as PublishingClient);
    return transformWsUrl ? transformWsUrl(url, given, client) : url;
  };
}
