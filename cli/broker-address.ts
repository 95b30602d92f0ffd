import type { IClientOptions } from 'mqtt';

/**
 * The address of a broker, without a user, as options of MQTT.js. Given an address as text, MQTT.js calls `url.parse`: Node
 * warns of that on standard error when it runs a bundle, and reads an IPv6 address in a way that `ws` does not take.
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
