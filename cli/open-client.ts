import type { Writable } from 'node:stream';
import { connect, type MqttClient } from 'mqtt';
import { guardPublish } from '../clients/mqttjs';
import { withMessage } from '../clients/network-error';
import { brokerAddress, withoutQuery } from './broker-address';
import type { Connection } from './connection-flags';

export interface OpenClientOptions {
  /** Milliseconds between reconnects; 0 disables reconnects. */
  readonly reconnectMs: number;
  /** Receives a line for each packet (`-d`). */
  readonly debugLog?: Writable;
}

/** Starts an MQTT client. The promise `connected` rejects if the first attempt to connect fails. */
export function openClient(connection: Connection, { reconnectMs, debugLog }: OpenClientOptions) {
  const client = createClient(connection, reconnectMs);
  if (debugLog) logPackets(client, (line) => debugLog.write(`${line}\n`));
  const connected = new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', (error) => reject(withMessage(error)));
    client.once('close', () => reject(new Error(`no connection to ${withoutQuery(connection.url)}`)));
  });
  return { client, connected };
}

/** Checks the packet size only towards the gateway: the limit of another broker is unknown before MQTT 5.0. */
function createClient({ url, options }: Connection, reconnectPeriod: number): MqttClient {
  const client = connect({ ...brokerAddress(url), ...options, reconnectPeriod });
  return options.createWebsocket ? guardPublish(client) : client;
}

function logPackets(client: MqttClient, log: (line: string) => void): void {
  const name = (packet: { cmd: string; messageId?: number }) =>
    packet.messageId === undefined ? packet.cmd.toUpperCase() : `${packet.cmd.toUpperCase()} ${packet.messageId}`;
  client.on('packetsend', (packet) => log(`${client.options.clientId} sent ${name(packet)}`));
  client.on('packetreceive', (packet) => log(`${client.options.clientId} received ${name(packet)}`));
}
