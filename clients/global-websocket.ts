import { withDefaults } from './gateway-options';
import { CirrusWebSocket, type CirrusWebSocketOptions, type TextSocketClass } from './websocket';

/**
 * Puts `CirrusWebSocket` in the place of the global WebSocket for the addresses of a gateway, for libraries that know no other
 * (Eclipse Paho). All other addresses get the class that was there, and nobody sees a difference.
 *
 * @param addresses of gateways, `wss://…/mqtt`; a query counts for nothing
 * @returns puts the former class back
 * @throws TypeError when an address is none of a WebSocket, or there is no global WebSocket and no option names one
 * @throws RangeError when an option is wrong
 */
export function installGlobalWebSocket(addresses: string | string[], options: CirrusWebSocketOptions = {}): () => void {
  const former = globalThis.WebSocket as unknown as TextSocketClass | undefined;
  const { WebSocket: below = former, ...gateway } = options;
  withDefaults(gateway); // What is wrong is said here, not by the first connection.
  const gateways = [addresses].flat().map(gatewayAt);
  if (!below) throw new TypeError('there is no global WebSocket here, so the option WebSocket has to name a class');
  const installed = new Proxy(below, {
    construct: (native, given: [string | URL, (string | string[])?, ...unknown[]], asked) =>
      isOneOf(gateways, given[0])
        ? new CirrusWebSocket(given[0], given[1], { ...gateway, WebSocket: below })
        : Reflect.construct(native, given, asked),
  });
  Object.assign(globalThis, { WebSocket: installed });
  return () => Object.assign(globalThis, { WebSocket: former });
}

/** Origin and path: a library may add the standard port, a token comes in the query. */
function gatewayAt(address: string): string {
  const place = placeOf(address);
  if (place === undefined) throw new TypeError(`the address of a gateway is wss://… or ws://…, not "${address}"`);
  return place;
}

function isOneOf(gateways: string[], url: string | URL): boolean {
  const place = placeOf(String(url));
  return place !== undefined && gateways.includes(place);
}

function placeOf(address: string): string | undefined {
  const { groups } = /^(?<scheme>wss?):\/\/(?<host>[^/?#]+)(?<path>\/[^?#]*)?/i.exec(address) ?? {};
  if (!groups) return undefined;
  const { scheme = '', host = '', path = '/' } = groups;
  const standardPort = /^wss$/i.test(scheme) ? ':443' : ':80';
  const shortHost = host.endsWith(standardPort) ? host.slice(0, -standardPort.length) : host;
  return `${scheme}://${shortHost}`.toLowerCase() + path;
}
