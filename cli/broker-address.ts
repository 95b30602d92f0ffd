import type { IClientOptions } from 'mqtt';

/**
 * Converts the address of a broker, without user information, to options of MQTT.js.
 *
 * Options replace the address as text because MQTT.js passes a text to `url.parse`: in a bundle Node prints a deprecation
 * warning for that call, and its result for an IPv6 address is not valid for `ws`.
 */
export function brokerAddress(address: string): Pick<IClientOptions, 'protocol' | 'host' | 'port' | 'path'> {
  const { protocol, hostname, port, pathname, search } = new URL(address);
  const isWebSocket = protocol.startsWith('ws');
  return {
    protocol: protocol.slice(0, -1) as IClientOptions['protocol'],
    host: isWebSocket ? hostname : hostname.replace(/^\[|\]$/g, ''),
    ...(port !== '' && { port: Number(port) }),
    ...(isWebSocket && { path: pathname + search }),
  };
}

/** Removes the query of an address before it is printed: a query may contain a token. */
export function withoutQuery(address: string): string {
  return address.replace(/\?.*$/s, '');
}
