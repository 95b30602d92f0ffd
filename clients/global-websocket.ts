import { withDefaults } from './gateway-options';
import { CirrusWebSocket, type CirrusWebSocketOptions, type TextSocketClass } from './websocket';

/**
 * Replaces the global WebSocket by `CirrusWebSocket` for the URLs of a gateway, for libraries that always use the global class
 * (Eclipse Paho). All other URLs still get the original class.
 *
 * @param addresses URLs of gateways, `wss://…/mqtt`; their queries are ignored
 * @returns a function that restores the original class
 * @throws TypeError if an address is no WebSocket URL, or there is no global WebSocket and no option `WebSocket`
 * @throws RangeError if an option is wrong
 *
 * @example
 * const restore = installGlobalWebSocket('wss://abc123.execute-api.eu-west-1.amazonaws.com/mqtt', {
 *   token: async () => (await fetch('/token')).text(),
 * });
 * // Every `new Paho.Client('wss://abc123.execute-api.eu-west-1.amazonaws.com/mqtt', clientId)` now uses the shim.
 * restore();
 */
export function installGlobalWebSocket(addresses: string | string[], options: CirrusWebSocketOptions = {}): () => void {
  const former = globalThis.WebSocket as unknown as TextSocketClass | undefined;
  const { WebSocket: below = former, ...gateway } = options;
  withDefaults(gateway); // Throws for a wrong option now, not at the first connection.
  const gateways = [addresses].flat().map(gatewayAt);
  if (!below) throw new TypeError('there is no global WebSocket here, so the option WebSocket has to name a class');
  const installed = new Proxy(below, {
    construct: (native, given: [string | URL, (string | string[])?, ...unknown[]], newTarget) =>
      isOneOf(gateways, given[0])
        ? new CirrusWebSocket(given[0], given[1], { ...gateway, WebSocket: below })
        : Reflect.construct(native, given, newTarget),
  });
  Object.assign(globalThis, { WebSocket: installed });
  return () => Object.assign(globalThis, { WebSocket: former });
}

/** Origin and path, because a library may add the standard port, and the token may be in the query. */
function gatewayAt(address: string): string {
  const place = originAndPath(address);
  if (place === undefined) throw new TypeError(`the address of a gateway is wss://… or ws://…, not "${address}"`);
  return place;
}

function isOneOf(gateways: string[], url: string | URL): boolean {
  const place = originAndPath(String(url));
  return place !== undefined && gateways.includes(place);
}

function originAndPath(address: string): string | undefined {
  const { groups } = /^(?<scheme>wss?):\/\/(?<host>[^/?#]+)(?<path>\/[^?#]*)?/i.exec(address) ?? {};
  if (!groups) return undefined;
  const { scheme = '', host = '', path = '/' } = groups;
  const standardPort = /^wss$/i.test(scheme) ? ':443' : ':80';
  const shortHost = host.endsWith(standardPort) ? host.slice(0, -standardPort.length) : host;
  return `${scheme}://${shortHost}`.toLowerCase() + path;
}
