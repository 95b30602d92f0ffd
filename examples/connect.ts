import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { createWebsocket } from '../clients/mqttjs';

/** `npm start` unless told otherwise: the `wss://` address of a deployed broker is as good. */
export const brokerUrl = addressFrom('MQTT_URL', 'ws', 'ws://127.0.0.1:8080/mqtt');

/**
 * MQTT.js, straight to the gateway. It connects again by itself whenever the connection is lost; only when there is
 * none to begin with does the program end, and says why.
 */
export function connectToBroker(options: IClientOptions): MqttClient {
  const client = connect(brokerUrl, {
    createWebsocket,
    protocolVersion: 5,
    keepalive: 540, // API Gateway ends what is silent for ten minutes, and bills each ping.
    reconnectPeriod: 2_000,
    username: process.env.MQTT_USERNAME,
    password: process.env.MQTT_PASSWORD,
    ...options,
  });
  let reason = '';
  client.on('error', (error) => {
    [reason = ''] = error.message.split('\n');
  });
  const giveUp = () => exitWith(`no connection to ${brokerUrl}${reason && ` (${reason})`}: is "npm start" running?`);
  client.once('close', giveUp);
  client.once('connect', () => client.off('close', giveUp));
  return client;
}

/** Ends the program with one line a person can act on. */
export function exitWith(complaint: string): never {
  console.error(complaint);
  process.exit(1);
}

/** The address in a variable of the environment, with this scheme or its encrypted kin. */
export function addressFrom(variable: string, scheme: 'ws' | 'http', standard: string): string {
  const address = process.env[variable] ?? standard;
  if (URL.canParse(address) && [`${scheme}:`, `${scheme}s:`].includes(new URL(address).protocol)) return address;
  return exitWith(`${variable} is "${address}", but must be an address that begins with ${scheme}:// or ${scheme}s://`);
}

/** A word of the command line that becomes a level of topics and part of a client id. */
export function nameFrom(word: string | undefined, usage: string): string {
  if (word === undefined) exitWith(`usage: ${usage}`);
  if (/^[\w-]{1,32}$/.test(word)) return word;
  return exitWith(`the name is "${word}", but must be 1 to 32 letters, digits, _ or -`);
}
