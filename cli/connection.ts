import { randomBytes } from 'node:crypto';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { bearerHeaders } from '../clients/bearer';
import { createWebsocket, guardPublish } from '../clients/mqttjs';
import { withMessage } from '../clients/network-error';
import { brokerAddress } from './broker-address';
import { type Flags, type Terminal, UsageError } from './command';
import { cleanText, type ParsedValues, topicName, wholeNumber } from './options';

/** The flags `pub` and `sub` share, named as mosquitto names them. */
export const connectionFlags = {
  url: { type: 'string', short: 'L' },
  host: { type: 'string', short: 'h' },
  port: { type: 'string', short: 'p' },
  ws: { type: 'boolean' },
  id: { type: 'string', short: 'i' },
  'id-prefix': { type: 'string', short: 'I' },
  username: { type: 'string', short: 'u' },
  pw: { type: 'string', short: 'P' },
  'token-file': { type: 'string' },
  keepalive: { type: 'string', short: 'k' },
  'disable-clean-session': { type: 'boolean', short: 'c' },
  'session-expiry-interval': { type: 'string', short: 'x' },
  'protocol-version': { type: 'string', short: 'V' },
  qos: { type: 'string', short: 'q' },
  'will-topic': { type: 'string' },
  'will-payload': { type: 'string' },
  'will-qos': { type: 'string' },
  'will-retain': { type: 'boolean' },
  debug: { type: 'boolean', short: 'd' },
} as const satisfies Flags;

/** What the help of `pub` and `sub` says of these flags. */
export const connectionHelp = `where to connect:
  -L, --url        wss://... of the gateway, or mqtt(s)://[user:password@]host[:port][/topic]
  -h, --host       a plain MQTT broker, the adapter for one; localhost
  -p, --port       its port; 1883, or 8083 with --ws
  --ws             binary MQTT over WebSocket at /mqtt of -h and -p

as whom:
  -i, --id         client id; -I, --id-prefix puts the process id behind a prefix
  -u, --username   with -P, --pw
  --token-file     brings the token in it to the handshake with the gateway, read anew for each
  -k, --keepalive  seconds; 60
  -c, --disable-clean-session  keep the session; needs -i
  -x, --session-expiry-interval  seconds, for MQTT 5
  -V, --protocol-version  31, 311 or 5; 311
  --will-topic, --will-payload, --will-qos, --will-retain

  -q, --qos        0, 1 or 2; 0
  -d, --debug      name the packets on stderr
`;

type Values = ParsedValues<typeof connectionFlags>;

/** Where to connect and as whom. A topic may come with the address. */
export interface Connection {
  url: string;
  topic?: string;
  options: IClientOptions;
}

/** What the flags say, checked before anything is sent. */
export function connectionOf(values: Values): Connection {
  const { url, topic, username, password, isGateway } = values.url ? addressOf(values.url) : plainAddress(values);
  const will = willOf(values);
  return {
    url,
    topic,
    options: {
      ...(isGateway && { createWebsocket: websocketWith(values['token-file']) }),
      ...session(values),
      ...versions(values['protocol-version'] ?? '311'),
      keepalive: wholeNumber('-k', values.keepalive ?? '60', 0, 65_535),
      username: clean('-u', values.username ?? username),
      password: values.pw ?? password,
      ...(will && { will }),
    },
  };
}

function clean(flag: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : cleanText(flag, value);
}

function websocketWith(tokenFile: string | undefined): typeof createWebsocket {
  if (tokenFile === undefined) return createWebsocket;
  const headers = bearerHeaders(tokenFile);
  headers(); // a file that is not there is said at once
  return (url, protocols, { wsOptions, ...options }) =>
    createWebsocket(url, protocols, { ...options, wsOptions: { ...wsOptions, headers: headers() } });
}

/** The quality of service a flag names. */
export function qosOf(flag: string, value = '0'): 0 | 1 | 2 {
  return wholeNumber(flag, value, 0, 2) as 0 | 1 | 2;
}

/** Starts a client; its promise `connected` fails if the first attempt does. */
export function open(connection: Connection, reconnectPeriod: number, values: Values, terminal: Terminal) {
  const client = clientOf(connection, reconnectPeriod);
  if (values.debug) logPackets(client, (line) => terminal.stderr.write(`${line}\n`));
  const connected = new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', (error) => reject(withMessage(error)));
    client.once('close', () => reject(new Error(`no connection to ${withoutQuery(connection.url)}`)));
  });
  return { client, connected };
}

/** Only the gateway is known to have a limit in every version of MQTT. */
function clientOf({ url, options }: Connection, reconnectPeriod: number): MqttClient {
  const client = connect({ ...brokerAddress(url), ...options, reconnectPeriod });
  return options.createWebsocket ? guardPublish(client) : client;
}

function addressOf(address: string) {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || !/^(wss?|mqtts?):$/.test(url.protocol))
    throw new UsageError(`-L takes a wss:// or mqtt:// address, not "${address}"`);
  const isGateway = url.protocol.startsWith('ws');
  const topic = isGateway ? undefined : topicIn(address);
  const username = decodeURIComponent(url.username) || undefined;
  const password = decodeURIComponent(url.password) || undefined;
  url.username = url.password = '';
  return { url: isGateway ? url.href : `${url.protocol}//${url.host}`, topic, username, password, isGateway };
}

/** All behind the host: in a topic `#` and `?` are no marks of an address. */
function topicIn(address: string): string | undefined {
  const [, topic] = /^\w+:\/\/[^/]*\/(.+)$/s.exec(address) ?? [];
  return topic && decodeURIComponent(topic);
}

function plainAddress({ host = 'localhost', port, ws }: Values): ReturnType<typeof addressOf> {
  const number = wholeNumber('-p', port ?? (ws ? '8083' : '1883'), 1, 65_535);
  const name = host.includes(':') ? `[${host}]` : host;
  const url = ws ? `ws://${name}:${number}/mqtt` : `mqtt://${name}:${number}`;
  return { url, topic: undefined, username: undefined, password: undefined, isGateway: false };
}

function session(values: Values): Pick<IClientOptions, 'clientId' | 'clean' | 'properties'> {
  const keep = values['disable-clean-session'];
  const expiry = values['session-expiry-interval'];
  if (keep && !values.id) throw new UsageError('-c needs -i: a session is kept by its client id');
  const prefix = values['id-prefix'];
  const clientId = values.id ?? (prefix ? `${prefix}${process.pid}` : `cirrus-${randomBytes(6).toString('hex')}`);
  const properties = expiry ? { sessionExpiryInterval: wholeNumber('-x', expiry, 0, 0xffff_ffff) } : undefined;
  return { clientId: cleanText('-i', clientId), clean: !keep, ...(properties && { properties }) };
}

function versions(value: string): Pick<IClientOptions, 'protocolId' | 'protocolVersion'> {
  const version = value.replace(/^mqttv/, '');
  if (version === '31') return { protocolId: 'MQIsdp', protocolVersion: 3 };
  if (version === '311') return { protocolId: 'MQTT', protocolVersion: 4 };
  if (version === '5') return { protocolId: 'MQTT', protocolVersion: 5 };
  throw new UsageError(`-V takes 31, 311 or 5, not "${value}"`);
}

function willOf(values: Values): IClientOptions['will'] {
  const topic = values['will-topic'];
  if (topic === undefined) {
    const stray = (['will-payload', 'will-qos', 'will-retain'] as const).find((flag) => values[flag] !== undefined);
    if (stray) throw new UsageError(`--${stray} needs --will-topic`);
    return undefined;
  }
  return {
    topic: cleanText('--will-topic', topicName('--will-topic', topic)),
    payload: Buffer.from(values['will-payload'] ?? ''),
    qos: qosOf('--will-qos', values['will-qos']),
    retain: values['will-retain'] ?? false,
  };
}

function logPackets(client: MqttClient, log: (line: string) => void): void {
  const name = (packet: { cmd: string; messageId?: number }) =>
    packet.messageId === undefined ? packet.cmd.toUpperCase() : `${packet.cmd.toUpperCase()} ${packet.messageId}`;
  client.on('packetsend', (packet) => log(`${client.options.clientId} sent ${name(packet)}`));
  client.on('packetreceive', (packet) => log(`${client.options.clientId} received ${name(packet)}`));
}

/** An address as it may be shown: a query may hold a token. */
export function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, '');
}
