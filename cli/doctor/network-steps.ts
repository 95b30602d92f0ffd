import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { formatDuration, type Step } from './step';
import type { StepContext } from './step-context';
import { StepFailed, StepSkipped } from './step-errors';

/** Steps that check the way to the host, from DNS to the certificate. */
export const networkSteps: readonly Step[] = [
  { name: 'dns', title: 'the host name resolves', check: resolveName },
  { name: 'tcp', title: 'the port accepts connections', needs: ['dns'], check: connectPort },
  { name: 'tls', title: 'the certificate is valid', needs: ['tcp'], check: checkCertificate },
  { name: 'clock', title: 'the clock of this machine is right', needs: ['tcp', 'tls'], check: compareClocks },
];

/** Same as the broker's clock skew tolerance for tokens. AWS refuses signatures at a skew of 300 s. */
const maxClockSkewSeconds = 30;

function hostOf({ url }: StepContext): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function portOf({ url }: StepContext): number {
  return Number(url.port) || (url.protocol === 'wss:' ? 443 : 80);
}

async function resolveName(context: StepContext): Promise<string> {
  const host = hostOf(context);
  if (isIP(host)) throw new StepSkipped(`${host} is an IP address`);
  const start = performance.now();
  const addresses = await lookup(host, { all: true }).catch((error: NodeJS.ErrnoException) => {
    throw new StepFailed(`cannot resolve ${host}: ${error.code ?? error.message}`);
  });
  return `${addresses.map(({ address }) => address).join(', ')} in ${formatDuration(performance.now() - start)}`;
}

async function connectPort(context: StepContext): Promise<string> {
  const start = performance.now();
  const socket = connect(portOf(context), hostOf(context));
  await waitForEvent(socket, 'connect', context);
  socket.destroy();
  return `port ${portOf(context)} in ${formatDuration(performance.now() - start)}`;
}

async function checkCertificate(context: StepContext): Promise<string> {
  if (context.url.protocol !== 'wss:') throw new StepSkipped('ws:// has no TLS');
  const host = hostOf(context);
  const servername = isIP(host) ? undefined : host;
  const socket = connectTls({ port: portOf(context), host, servername });
  await waitForEvent(socket, 'secureConnect', context);
  const { valid_to: until } = socket.getPeerCertificate();
  const protocol = socket.getProtocol();
  socket.destroy();
  return `${protocol}, certificate valid until ${new Date(until).toISOString().slice(0, 10)}`;
}

async function waitForEvent(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  { address }: StepContext,
): Promise<void> {
  try {
    await once(socket, event, { signal: AbortSignal.timeout(address.timeoutMs) });
  } catch (error) {
    socket.destroy();
    const { name, code, message } = error as NodeJS.ErrnoException;
    throw new StepFailed(
      name === 'AbortError' ? `no response within ${address.timeoutMs / 1_000} s` : (code ?? message),
    );
  }
}

/** Compares the clock of this machine with the Date header of an HTTP response, which has a resolution of one second. */
async function compareClocks(context: StepContext): Promise<string> {
  const url = new URL(context.url);
  url.protocol = url.protocol === 'wss:' ? 'https:' : 'http:';
  url.search = '';
  const before = Date.now();
  const signal = AbortSignal.timeout(context.address.timeoutMs);
  const response = await fetch(url, { signal }).catch((error: Error) => {
    throw new StepSkipped(`no HTTP response: ${error.message}`);
  });
  await response.body?.cancel();
  const serverTime = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(serverTime)) throw new StepSkipped('the HTTP response has no Date header');
  const seconds = clockSkewSeconds(serverTime, before, Date.now());
  if (seconds > maxClockSkewSeconds) {
    throw new StepFailed(`this machine's clock is ${seconds} s off: tokens and signed requests will be refused`);
  }
  return seconds === 0 ? 'no difference' : `${seconds} s difference`;
}

/**
 * Returns the distance in seconds between the server's second and the interval of this machine in which the response
 * arrived; 0 if they overlap. All arguments are milliseconds.
 */
function clockSkewSeconds(second: number, before: number, after: number): number {
  const localAhead = before - (second + 999);
  const localBehind = second - after;
  return Math.max(0, Math.ceil(Math.max(localAhead, localBehind) / 1_000));
}
