import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { createWebsocket } from '../clients/mqttjs';

/** URL of the broker: `MQTT_URL`, for example the `wss://` URL of a deployed broker, or by default that of `npm start`. */
export const brokerUrl = addressFrom('MQTT_URL', 'ws', 'ws://127.0.0.1:8080/mqtt');

/**
 * Connects MQTT.js to the gateway. It reconnects by itself after a lost connection. If the first connection fails, the program
 * ends with the reason.
 */
export function connectToBroker(options: IClientOptions): MqttClient {
  const client = connect(brokerUrl, {
    createWebsocket,
    protocolVersion: 5,
    keepalive: 540, // Seconds: API Gateway ends a connection after ten idle minutes, and bills each PINGREQ.
    reconnectPeriod: 2_000,
    username: process.env.MQTT_USERNAME,
    password: process.env.MQTT_PASSWORD,
    ...options,
  });
  let reason = '';
  client.on('error', (error) => {
    [reason = ''] = error.message.split('\n');
  });
  const fail = () => exitWith(`no connection to ${brokerUrl}${reason && ` (${reason})`}: is "npm start" running?`);
  client.once('close', fail);
  client.once('connect', () => client.off('close', fail));
  return client;
}

/** Ends the program with an error message. */
export function exitWith(message: string): never {
  console.error(message);
  process.exit(1);
}

/** The URL in an environment variable, with this scheme or its TLS variant. */
export function addressFrom(variable: string, scheme: 'ws' | 'http', standard: string): string {
  const address = process.env[variable] ?? standard;
  if (URL.canParse(address) && [`${scheme}:`, `${scheme}s:`].includes(new URL(address).protocol)) return address;
  return exitWith(`${variable} is "${address}", but must be an address that begins with ${scheme}:// or ${scheme}s://`);
}

/** Checks an argument that becomes a topic level and a part of a client id. */
export function nameFrom(word: string | undefined, usage: string): string {
  if (word === undefined) exitWith(`usage: ${usage}`);
  if (/^[\w-]{1,32}$/.test(word)) return word;
  return exitWith(`the name is "${word}", but must be 1 to 32 letters, digits, _ or -`);
}
