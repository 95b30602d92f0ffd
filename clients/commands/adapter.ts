import { once } from 'node:events';
import { startAdapter } from '../adapter';
import { bearerFrom } from '../bearer';
import { type Flags, parseOptions, wholeNumber } from '../options';
import { type Command, UsageError } from './command';

const help = `usage: cirrus-mqtt adapter wss://... [--listen [host:]port] [--listen-ws [host:]port] [--path /mqtt]
                            [--token-file FILE] [--quiet]

Lets stock MQTT clients connect: plain MQTT on one side, the text frames of the gateway on the other.

  --listen     MQTT over TCP, 127.0.0.1:1883 if no port is named at all
  --listen-ws  binary MQTT over WebSocket
  --path       path of the WebSocket, /mqtt
  --token-file brings the token in it to each handshake; read anew each time, so that it may be renewed
  --quiet      log no connections
`;

const flags = {
  listen: { type: 'string' },
  'listen-ws': { type: 'string' },
  path: { type: 'string' },
  'token-file': { type: 'string' },
  quiet: { type: 'boolean' },
} as const satisfies Flags;

/** `cirrus-mqtt adapter`: runs until interrupted. */
export const adapterCommand: Command = {
  help,
  flags,
  async run(args, { stdout, stderr, interrupted }) {
    const { values, positionals } = parseOptions(args, flags, true);
    const url = gatewayUrl(positionals);
    const headers = values['token-file'] === undefined ? undefined : bearerFrom(values['token-file']);
    headers?.(); // a file that is not there is better said now than to each client
    const tcp = values.listen ?? (values['listen-ws'] ? undefined : '1883');
    const adapter = await startAdapter({
      url,
      headers,
      listen: tcp ? address('--listen', tcp) : undefined,
      listenWebSocket: values['listen-ws']
        ? { ...address('--listen-ws', values['listen-ws']), path: values.path }
        : undefined,
      log: values.quiet ? undefined : (line) => stderr.write(`${line}\n`),
    });
    if (adapter.port) stdout.write(`listening for MQTT on port ${adapter.port}\n`);
    if (adapter.webSocketPort) stdout.write(`listening for MQTT over WebSocket on port ${adapter.webSocketPort}\n`);
    if (!interrupted.aborted) await once(interrupted, 'abort');
    await adapter.close();
    return 0;
  },
};

function gatewayUrl(positionals: string[]): string {
  const [url, ...rest] = positionals;
  if (!url) throw new UsageError('adapter needs the wss:// address of the gateway');
  if (rest.length > 0) throw new UsageError(`adapter takes one address, not also "${rest[0]}"`);
  if (!/^wss?:\/\/./.test(url)) throw new UsageError(`the address of the gateway begins with wss://, unlike "${url}"`);
  return url;
}

/** A port, with the host before it unless it is the loopback. */
function address(flag: string, value: string): { host: string; port: number } {
  const colon = value.lastIndexOf(':');
  const host = value.slice(0, Math.max(colon, 0)).replace(/^\[|\]$/g, '');
  return { host: host || '127.0.0.1', port: wholeNumber(flag, value.slice(colon + 1), 0, 65_535) };
}
