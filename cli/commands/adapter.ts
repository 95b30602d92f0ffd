import { once } from 'node:events';
import { type Adapter, type AdapterOptions, startAdapter } from '../../clients/adapter';
import type { CertificateFiles } from '../../clients/adapter/certificate';
import type { Address } from '../../clients/adapter/listeners';
import { jsonLine, type Log, textLine } from '../../clients/adapter/log';
import { bearerHeaders } from '../../clients/bearer';
import { hostRule, originRule } from '../../clients/web-access';
import { MAX_PACKET_BYTES } from '../../clients/wire';
import { type Command, type Flags, type Terminal, UsageError } from '../command';
import { oneOf, wholeNumber } from '../flag-values';
import { type ParsedValues, parseOptionsAndArguments } from '../parse-options';

const help = `usage: cirrus-mqtt adapter wss://... [options]

Connects stock MQTT clients to the gateway: translates between plain MQTT and the text frames of the gateway.

listeners, as [host:]port; default host 127.0.0.1:
  --listen       MQTT over TCP; default 1883 if there is no other listener
  --listen-tls   MQTT over TLS
  --listen-ws    binary MQTT over WebSocket
  --listen-wss   binary MQTT over WebSocket and TLS
  --listen-unix  MQTT over a Unix domain socket, as the path of the socket file
  --path         path of the WebSocket; default /mqtt
  --cert, --key  PEM files for TLS; reloaded when they change
  --client-ca    PEM file; accept only clients with a certificate of this authority

access over WebSocket, each flag repeatable:
  --allow-origin  accept web pages of this origin, for example https://page.example or http://localhost:*; without the
                  flag no web page may connect. Clients without an origin may always connect
  --allow-host    additional name of this machine, needed for names that are not in the certificate

limits:
  --max-clients              concurrent clients; default 1000
  --max-clients-per-address  concurrent clients of one address or /64 network; default a quarter of --max-clients,
                             without limit on the loopback
  --max-packet               bytes of a packet; default ${MAX_PACKET_BYTES}

gateway:
  --token-file       file with the token for the handshake; read before each handshake, so that it can be renewed
  --connect-rate     handshakes per second; default 50
  --connect-timeout  seconds that a client waits while the gateway is unreachable; default 30
  --max-age          seconds until the adapter closes a connection; default 7000, 0 to disable. The gateway closes it
                     after 7200
  --local-ping       answer PINGREQ in the adapter, and send one to the broker only every 540 seconds
  --batch-ms         milliseconds that packets wait for others to share a frame; default 0

monitoring:
  --metrics  [host:]port of /metrics for Prometheus and /healthz
  --health   [host:]port of /healthz only, for a load balancer
  --log      text, json or none; default text
  --quiet    same as --log none
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

/** `cirrus-mqtt adapter`: runs the adapter until it is interrupted. */
export const adapterCommand: Command = {
  help,
  flags,
  async run(args, terminal) {
    const { values, positionals } = parseOptionsAndArguments(args, flags);
    const adapter = await startAdapter({
      url: parseGatewayUrl(positionals),
      ...parseListeners(values),
      ...parseLimits(values),
      ...parseWebAccess(values),
      ...parseUpstream(values),
      ...(values.metrics !== undefined && { monitor: parseAddress('--metrics', values.metrics) }),
      ...(values.health !== undefined && { health: parseAddress('--health', values.health) }),
      log: parseLog(values, terminal),
    });
    announceListeners(adapter, values, terminal);
    if (!terminal.interrupted.aborted) await once(terminal.interrupted, 'abort');
    await adapter.close();
    return 0;
  },
};

function parseGatewayUrl(positionals: string[]): string {
  const [url, ...rest] = positionals;
  if (!url) throw new UsageError('adapter needs the wss:// address of the gateway');
  if (rest.length > 0) throw new UsageError(`adapter takes one address, not also "${rest[0]}"`);
  if (!/^wss?:\/\/./.test(url) || !URL.canParse(url))
    throw new UsageError(`adapter takes a wss:// address, not "${url}"`);
  return url;
}

function parseListeners(values: Values): Partial<AdapterOptions> {
  const { 'listen-tls': tls, 'listen-ws': webSocket, 'listen-wss': secure, 'listen-unix': unix } = values;
  const isElsewhere = (tls ?? webSocket ?? secure ?? unix) !== undefined;
  const tcp = values.listen ?? (isElsewhere ? undefined : '1883');
  const path = parsePath(values);
  if (unix === '') throw new UsageError('--listen-unix takes the path of a socket file, not ""');
  return {
    ...(tcp !== undefined && { listen: parseAddress('--listen', tcp) }),
    ...(tls !== undefined && { listenTls: parseAddress('--listen-tls', tls) }),
    ...(webSocket !== undefined && { listenWebSocket: { ...parseAddress('--listen-ws', webSocket), path } }),
    ...(secure !== undefined && { listenSecureWebSocket: { ...parseAddress('--listen-wss', secure), path } }),
    ...(unix !== undefined && { listenUnix: unix }),
    ...((tls ?? secure) === undefined ? withoutCertificate(values) : { certificate: parseCertificate(values) }),
  };
}

function parsePath({ path, ...values }: Values): string | undefined {
  if (path === undefined) return undefined;
  if ((values['listen-ws'] ?? values['listen-wss']) === undefined) {
    throw new UsageError('--path needs --listen-ws or --listen-wss');
  }
  if (!/^\/[^?#\s]*$/.test(path)) throw new UsageError(`--path takes a path that begins with a slash, not "${path}"`);
  return path;
}

function parseCertificate({ cert, key, 'client-ca': clientCa }: Values): CertificateFiles {
  if (!cert || !key) throw new UsageError('--listen-tls and --listen-wss need --cert and --key');
  return { cert, key, ...(clientCa !== undefined && { clientCa }) };
}

function withoutCertificate(values: Values): Record<string, never> {
  const orphan = (['cert', 'key', 'client-ca'] as const).find((flag) => values[flag] !== undefined);
  if (orphan) throw new UsageError(`--${orphan} needs --listen-tls or --listen-wss`);
  return {};
}

function parseWebAccess({ 'allow-origin': origins = [], 'allow-host': hosts = [] }: Values): Partial<AdapterOptions> {
  return {
    allowOrigins: origins.map(
      (value) => originRule(value) ?? refuseValue(`--allow-origin takes ${originExample}`, value),
    ),
    allowHosts: hosts.map((value) => hostRule(value) ?? refuseValue('--allow-host takes a name without a port', value)),
  };
}

const originExample = 'an origin, for example https://page.example or http://page.example:*';

function refuseValue(problem: string, value: string): never {
  throw new UsageError(`${problem}, not "${value}"`);
}

function parseLimits(values: Values): Partial<AdapterOptions> {
  const perAddress = values['max-clients-per-address'];
  return {
    maxClients: wholeNumber('--max-clients', values['max-clients'] ?? '1000', { min: 1, max: 100_000 }),
    ...(perAddress !== undefined && {
      maxClientsPerAddress: wholeNumber('--max-clients-per-address', perAddress, { min: 1, max: 100_000 }),
    }),
    maxPacketBytes: wholeNumber('--max-packet', values['max-packet'] ?? `${MAX_PACKET_BYTES}`, {
      min: 128,
      max: MAX_PACKET_BYTES,
    }),
  };
}

function parseUpstream(values: Values): Partial<AdapterOptions> {
  const tokenFile = values['token-file'];
  const headers = tokenFile === undefined ? undefined : bearerHeaders(tokenFile);
  headers?.(); // Fails now, not for each client, if the file cannot be read.
  return {
    headers,
    connectRate: wholeNumber('--connect-rate', values['connect-rate'] ?? '50', { min: 1, max: 10_000 }),
    connectWithinMs: wholeNumber('--connect-timeout', values['connect-timeout'] ?? '30', { min: 1, max: 600 }) * 1_000,
    maxAgeMs: parseMaxAge(values['max-age'] ?? '7000') * 1_000,
    localPing: values['local-ping'] ?? false,
    batchMs: wholeNumber('--batch-ms', values['batch-ms'] ?? '0', { min: 0, max: 1_000 }),
  };
}

/** Parses `--max-age`. API Gateway closes a connection after 7,200 s; the maximum leaves two minutes to close it before. */
function parseMaxAge(value: string): number {
  const seconds = /^\d+$/.test(value) ? Number(value) : -1;
  if (seconds === 0 || (seconds >= 60 && seconds <= 7_080)) return seconds;
  throw new UsageError(`--max-age takes 0 or a whole number from 60 to 7080, not "${value}"`);
}

function parseLog(values: Values, { stderr }: Terminal): Log | undefined {
  const format = values.quiet ? 'none' : oneOf('--log', values.log ?? 'text', ['text', 'json', 'none']);
  if (format === 'none') return undefined;
  const line = format === 'json' ? jsonLine : textLine;
  return (entry) => stderr.write(`${line(entry)}\n`);
}

function announceListeners(adapter: Adapter, values: Values, { stdout }: Terminal): void {
  const announce = (protocol: string, port: number | undefined) => {
    if (port) stdout.write(`listening for ${protocol} on port ${port}\n`);
  };
  announce('MQTT', adapter.port);
  announce('MQTT over TLS', adapter.tlsPort);
  announce('MQTT over WebSocket', adapter.webSocketPort);
  announce('MQTT over WebSocket and TLS', adapter.secureWebSocketPort);
  if (values['listen-unix']) stdout.write(`listening for MQTT on ${values['listen-unix']}\n`);
  announce('Prometheus', adapter.monitorPort);
  announce('health checks', adapter.healthPort);
}

/** Parses `[host:]port`. The default host is the loopback. @throws UsageError */
function parseAddress(flag: string, value: string): Address {
  const colon = value.lastIndexOf(':');
  const host = value.slice(0, Math.max(colon, 0)).replace(/^\[|\]$/g, '');
  return { host: host || '127.0.0.1', port: wholeNumber(flag, value.slice(colon + 1), { min: 0, max: 65_535 }) };
}
