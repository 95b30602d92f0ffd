import { randomBytes } from 'node:crypto';
import type { IClientOptions } from 'mqtt';
import { bearerHeaders } from '../clients/bearer';
import { createWebsocket } from '../clients/mqttjs';
import { type Flags, UsageError } from './command';
import { allowedText, topicName, wholeNumber } from './flag-values';
import type { ParsedValues } from './parse-options';

/** Flags of `pub`, `sub` and `rr` for the connection, with mosquitto's names. */
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

/** Returns the help text of these flags, for a command with this default protocol version. */
export function connectionHelp(defaultVersion: '311' | '5'): string {
  return `broker:
  -L, --url        wss://... of the gateway, or mqtt(s)://[user:password@]host[:port][/topic]
  -h, --host       host of a plain MQTT broker, for example the adapter; default localhost
  -p, --port       its port; default 1883, or 8083 with --ws
  --ws             binary MQTT over WebSocket at /mqtt of -h and -p

client:
  -i, --id         client id
  -I, --id-prefix  prefix of the client id, followed by the process id
  -u, --username   user name
  -P, --pw         password
  --token-file     file with the token for the handshake with the gateway; read before each handshake
  -k, --keepalive  keep-alive in seconds; default 60
  -c, --disable-clean-session    keep the session after the connection ends; needs -i
  -x, --session-expiry-interval  session expiry in seconds, MQTT 5 only
  -V, --protocol-version         31, 311 or 5; default ${defaultVersion}
  --will-topic, --will-payload, --will-qos, --will-retain

  -q, --qos        0, 1 or 2; default 0
  -d, --debug      log packets to stderr
`;
}

type Values = ParsedValues<typeof connectionFlags>;

/** Address of a broker and the options of a client, in the form of MQTT.js. */
export interface Connection {
  url: string;
  /** Topic in the address of `-L`, if any. */
  topic?: string;
  options: IClientOptions;
}

/** Parses and checks the connection flags. @throws UsageError; Error if the token file cannot be read. */
export function parseConnection(values: Values): Connection {
  const { url, topic, username, password, isGateway } = values.url ? parseAddress(values.url) : plainAddress(values);
  const will = parseWill(values);
  return {
    url,
    topic,
    options: {
      ...(isGateway && { createWebsocket: websocketFactory(values['token-file']) }),
      ...sessionOptions(values),
      ...protocolVersionOptions(values['protocol-version'] ?? '311'),
      keepalive: wholeNumber('-k', values.keepalive ?? '60', { min: 0, max: 65_535 }),
      username: checkedText('-u', values.username ?? username),
      password: values.pw ?? password,
      ...(will && { will }),
    },
  };
}

function checkedText(flag: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : allowedText(flag, value);
}

function websocketFactory(tokenFile: string | undefined): typeof createWebsocket {
  if (tokenFile === undefined) return createWebsocket;
  const headers = bearerHeaders(tokenFile);
  headers(); // Fails now, not at the first handshake, if the file cannot be read.
  return (url, protocols, { wsOptions, ...options }) =>
    createWebsocket(url, protocols, { ...options, wsOptions: { ...wsOptions, headers: headers() } });
}

/** Parses the value of a QoS flag. @throws UsageError */
export function parseQos(flag: string, value = '0'): 0 | 1 | 2 {
  return wholeNumber(flag, value, { min: 0, max: 2 }) as 0 | 1 | 2;
}

function parseAddress(address: string) {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || !/^(wss?|mqtts?):$/.test(url.protocol))
    throw new UsageError(`-L takes a wss:// or mqtt:// address, not "${address}"`);
  const isGateway = url.protocol.startsWith('ws');
  const topic = isGateway ? undefined : topicInAddress(address);
  const username = decodeURIComponent(url.username) || undefined;
  const password = decodeURIComponent(url.password) || undefined;
  url.username = url.password = '';
  return { url: isGateway ? url.href : `${url.protocol}//${url.host}`, topic, username, password, isGateway };
}

/** Returns everything behind the host: `#` and `?` belong to the topic, not to the syntax of the URL. */
function topicInAddress(address: string): string | undefined {
  const [, topic] = /^\w+:\/\/[^/]*\/(.+)$/s.exec(address) ?? [];
  return topic && decodeURIComponent(topic);
}

function plainAddress({ host = 'localhost', port, ws }: Values): ReturnType<typeof parseAddress> {
  const number = wholeNumber('-p', port ?? (ws ? '8083' : '1883'), { min: 1, max: 65_535 });
  const name = host.includes(':') ? `[${host}]` : host;
  const url = ws ? `ws://${name}:${number}/mqtt` : `mqtt://${name}:${number}`;
  return { url, topic: undefined, username: undefined, password: undefined, isGateway: false };
}

function sessionOptions(values: Values): Pick<IClientOptions, 'clientId' | 'clean' | 'properties'> {
  const keep = values['disable-clean-session'];
  const expiry = values['session-expiry-interval'];
  if (keep && !values.id) throw new UsageError('-c needs -i: the client id identifies the session');
  const prefix = values['id-prefix'];
  const clientId = values.id ?? (prefix ? `${prefix}${process.pid}` : `cirrus-${randomBytes(6).toString('hex')}`);
  const properties = expiry
    ? { sessionExpiryInterval: wholeNumber('-x', expiry, { min: 0, max: 0xffff_ffff }) }
    : undefined;
  return { clientId: allowedText('-i', clientId), clean: !keep, ...(properties && { properties }) };
}

function protocolVersionOptions(value: string): Pick<IClientOptions, 'protocolId' | 'protocolVersion'> {
  const version = value.replace(/^mqttv/, '');
  if (version === '31') return { protocolId: 'MQIsdp', protocolVersion: 3 };
  if (version === '311') return { protocolId: 'MQTT', protocolVersion: 4 };
  if (version === '5') return { protocolId: 'MQTT', protocolVersion: 5 };
  throw new UsageError(`-V takes 31, 311 or 5, not "${value}"`);
}

function parseWill(values: Values): IClientOptions['will'] {
  const topic = values['will-topic'];
  if (topic === undefined) {
    const orphan = (['will-payload', 'will-qos', 'will-retain'] as const).find((flag) => values[flag] !== undefined);
    if (orphan) throw new UsageError(`--${orphan} needs --will-topic`);
    return undefined;
  }
  return {
    topic: allowedText('--will-topic', topicName('--will-topic', topic)),
    payload: Buffer.from(values['will-payload'] ?? ''),
    qos: parseQos('--will-qos', values['will-qos']),
    retain: values['will-retain'] ?? false,
  };
}
