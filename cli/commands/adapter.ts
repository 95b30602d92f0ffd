import { once } from 'node:events';
import { type Adapter, type AdapterOptions, startAdapter } from '../../clients/adapter';
import type { CertificateFiles } from '../../clients/adapter/certificate';
import type { Address } from '../../clients/adapter/listeners';
import { jsonLine, type Log, textLine } from '../../clients/adapter/log';
import { bearerHeaders } from '../../clients/bearer';
import { hostRule, originRule } from '../../clients/web-access';
import { MAX_PACKET_BYTES } from '../../clients/wire';
import { type Command, type Flags, type Terminal, UsageError } from '../command';
import { oneOf, type ParsedValues, parseOptions, wholeNumber } from '../options';

const help = `usage: cirrus-mqtt adapter wss://... [options]

Lets stock MQTT clients connect: plain MQTT on one side, the text frames of the gateway on the other.

where to listen, [host:]port each, on 127.0.0.1 unless there is a host:
  --listen       MQTT over TCP; 1883 if nothing else is listened to
  --listen-tls   MQTT over TLS
  --listen-ws    binary MQTT over WebSocket
  --listen-wss   the same over TLS
  --listen-unix  MQTT over this socket file
  --path         path of the WebSocket, /mqtt
  --cert, --key  PEM files for TLS, read anew when they change
  --client-ca    PEM file: only clients with a certificate of this authority

who may connect over WebSocket, each as often as needed:
  --allow-origin  origin of a web page, as https://page.example or http://localhost:*; no page may unless it is given,
                  clients that are no browsers may always
  --allow-host    name of this machine, if clients use one that is neither an address nor in the certificate

what clients may take:
  --max-clients              at a time; 1000
  --max-clients-per-address  of one address or /64 network; a quarter of --max-clients, no limit on the loopback
  --max-packet               bytes; ${MAX_PACKET_BYTES}

towards the gateway:
  --token-file       brings the token in it to each handshake; read anew each time, so that it may be renewed
  --connect-rate     handshakes a second; 50
  --connect-timeout  seconds that a client waits while the gateway cannot be reached; 30
  --max-age          seconds after which a connection is ended, before the gateway does after 7200; 7000, 0 for never
  --local-ping       answers pings itself and asks the broker every 540 s only
  --batch-ms         milliseconds that packets wait for others to share their frame; 0

for the operator:
  --metrics  [host:]port of /metrics for Prometheus and /healthz
  --health   [host:]port of /healthz alone, for a load balancer
  --log      text, json or none; text
  --quiet    the same as --log none
`;

const flags = {
  listen: { type: 'string' },
  'listen-tls': { type: 'string' },
  'listen-ws': { type: 'string' },
  'listen-wss': { type: 'string' },
  'listen-unix': { type: 'string' },
  path: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  'client-ca': { type: 'string' },
  'allow-origin': { type: 'string', multiple: true },
  'allow-host': { type: 'string', multiple: true },
  'max-clients': { type: 'string' },
  'max-clients-per-address': { type: 'string' },
  'max-packet': { type: 'string' },
  'token-file': { type: 'string' },
  'connect-rate': { type: 'string' },
  'connect-timeout': { type: 'string' },
  'max-age': { type: 'string' },
  'local-ping': { type: 'boolean' },
  'batch-ms': { type: 'string' },
  metrics: { type: 'string' },
  health: { type: 'string' },
  log: { type: 'string' },
  quiet: { type: 'boolean' },
} as const satisfies Flags;

type Values = ParsedValues<typeof flags>;

/** `cirrus-mqtt adapter`: runs until interrupted. */
export const adapterCommand: Command = {
  help,
  flags,
  async run(args, terminal) {
    const { values, positionals } = parseOptions(args, flags, true);
    const adapter = await startAdapter({
      url: gatewayUrl(positionals),
      ...listenersOf(values),
      ...limitsOf(values),
      ...accessOf(values),
      ...upstreamOf(values),
      ...(values.metrics !== undefined && { monitor: address('--metrics', values.metrics) }),
      ...(values.health !== undefined && { health: address('--health', values.health) }),
      log: logOf(values, terminal),
    });
    announce(adapter, values, terminal);
    if (!terminal.interrupted.aborted) await once(terminal.interrupted, 'abort');
    await adapter.close();
    return 0;
  },
};

function gatewayUrl(positionals: string[]): string {
  const [url, ...rest] = positionals;
  if (!url) throw new UsageError('adapter needs the wss:// address of the gateway');
  if (rest.length > 0) throw new UsageError(`adapter takes one address, not also "${rest[0]}"`);
  if (!/^wss?:\/\/./.test(url) || !URL.canParse(url))
    throw new UsageError(`the address of the gateway begins with wss://, unlike "${url}"`);
  return url;
}

function listenersOf(values: Values): Partial<AdapterOptions> {
  const { 'listen-tls': tls, 'listen-ws': webSocket, 'listen-wss': secure, 'listen-unix': unix } = values;
  const isElsewhere = (tls ?? webSocket ?? secure ?? unix) !== undefined;
  const tcp = values.listen ?? (isElsewhere ? undefined : '1883');
  const path = pathOf(values);
  if (unix === '') throw new UsageError('--listen-unix takes the path of a socket file, not ""');
  return {
    ...(tcp !== undefined && { listen: address('--listen', tcp) }),
    ...(tls !== undefined && { listenTls: address('--listen-tls', tls) }),
    ...(webSocket !== undefined && { listenWebSocket: { ...address('--listen-ws', webSocket), path } }),
    ...(secure !== undefined && { listenSecureWebSocket: { ...address('--listen-wss', secure), path } }),
    ...(unix !== undefined && { listenUnix: unix }),
    ...((tls ?? secure) === undefined ? withoutCertificate(values) : { certificate: certificateOf(values) }),
  };
}

function pathOf({ path, ...values }: Values): string | undefined {
  if (path === undefined) return undefined;
  if ((values['listen-ws'] ?? values['listen-wss']) === undefined) {
    throw new UsageError('--path is that of a WebSocket: it needs --listen-ws or --listen-wss');
  }
  if (!/^\/[^?#\s]*$/.test(path)) throw new UsageError(`--path begins with a slash, unlike "${path}"`);
  return path;
}

function certificateOf({ cert, key, 'client-ca': clientCa }: Values): CertificateFiles {
  if (!cert || !key) throw new UsageError('--listen-tls and --listen-wss need --cert and --key');
  return { cert, key, ...(clientCa !== undefined && { clientCa }) };
}

function withoutCertificate(values: Values): Record<string, never> {
  const stray = (['cert', 'key', 'client-ca'] as const).find((flag) => values[flag] !== undefined);
  if (stray) throw new UsageError(`--${stray} needs --listen-tls or --listen-wss`);
  return {};
}

function accessOf({ 'allow-origin': origins = [], 'allow-host': hosts = [] }: Values): Partial<AdapterOptions> {
  return {
    allowOrigins: origins.map((value) => originRule(value) ?? refuse(`--allow-origin takes ${originExample}`, value)),
    allowHosts: hosts.map((value) => hostRule(value) ?? refuse('--allow-host takes a name without a port', value)),
  };
}

const originExample = 'the origin of a page, as https://page.example or http://page.example:*';

function refuse(problem: string, value: string): never {
  throw new UsageError(`${problem}, not "${value}"`);
}

function limitsOf(values: Values): Partial<AdapterOptions> {
  const perAddress = values['max-clients-per-address'];
  return {
    maxClients: wholeNumber('--max-clients', values['max-clients'] ?? '1000', 1, 100_000),
    ...(perAddress !== undefined && {
      maxClientsPerAddress: wholeNumber('--max-clients-per-address', perAddress, 1, 100_000),
    }),
    maxPacketBytes: wholeNumber('--max-packet', values['max-packet'] ?? `${MAX_PACKET_BYTES}`, 128, MAX_PACKET_BYTES),
  };
}

function upstreamOf(values: Values): Partial<AdapterOptions> {
  const tokenFile = values['token-file'];
  const headers = tokenFile === undefined ? undefined : bearerHeaders(tokenFile);
  headers?.(); // a file that is not there is better said now than to each client
  return {
    headers,
    connectRate: wholeNumber('--connect-rate', values['connect-rate'] ?? '50', 1, 10_000),
    connectWithinMs: wholeNumber('--connect-timeout', values['connect-timeout'] ?? '30', 1, 600) * 1_000,
    maxAgeMs: maxAge(values['max-age'] ?? '7000') * 1_000,
    localPing: values['local-ping'] ?? false,
    batchMs: wholeNumber('--batch-ms', values['batch-ms'] ?? '0', 0, 1_000),
  };
}

/** API Gateway ends a connection after 7,200 s; a minute of patience and one for the way are taken off. */
function maxAge(value: string): number {
  const seconds = /^\d+$/.test(value) ? Number(value) : -1;
  if (seconds === 0 || (seconds >= 60 && seconds <= 7_080)) return seconds;
  throw new UsageError(`--max-age takes 0 or a whole number from 60 to 7080, not "${value}"`);
}

function logOf(values: Values, { stderr }: Terminal): Log | undefined {
  const form = values.quiet ? 'none' : oneOf('--log', values.log ?? 'text', ['text', 'json', 'none']);
  if (form === 'none') return undefined;
  const line = form === 'json' ? jsonLine : textLine;
  return (entry) => stderr.write(`${line(entry)}\n`);
}

function announce(adapter: Adapter, values: Values, { stdout }: Terminal): void {
  const say = (what: string, port: number | undefined) => {
    if (port) stdout.write(`listening for ${what} on port ${port}\n`);
  };
  say('MQTT', adapter.port);
  say('MQTT over TLS', adapter.tlsPort);
  say('MQTT over WebSocket', adapter.webSocketPort);
  say('MQTT over WebSocket and TLS', adapter.secureWebSocketPort);
  if (values['listen-unix']) stdout.write(`listening for MQTT on ${values['listen-unix']}\n`);
  say('Prometheus', adapter.monitorPort);
  say('health checks', adapter.healthPort);
}

/** A port, with the host before it unless it is the loopback. */
function address(flag: string, value: string): Address {
  const colon = value.lastIndexOf(':');
  const host = value.slice(0, Math.max(colon, 0)).replace(/^\[|\]$/g, '');
  return { host: host || '127.0.0.1', port: wholeNumber(flag, value.slice(colon + 1), 0, 65_535) };
}
