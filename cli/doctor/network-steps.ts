import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { milliseconds, type Step } from './step';
import type { Examination } from './step-context';
import { Finding, NotApplicable } from './step-errors';

/** Whether the host is found and answers, from the name to the certificate. */
export const reachSteps: readonly Step[] = [
  { name: 'dns', title: 'the name has an address', examine: resolveName },
  { name: 'tcp', title: 'the port answers', needs: ['dns'], examine: connectPort },
  { name: 'tls', title: 'the certificate is good', needs: ['tcp'], examine: checkCertificate },
  { name: 'clock', title: 'both clocks agree', needs: ['tcp', 'tls'], examine: compareClocks },
];

/** As the broker's own tolerance for tokens; AWS refuses signatures that are 300 s off. */
const mostSecondsApart = 30;

function hostOf({ url }: Examination): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function portOf({ url }: Examination): number {
  return Number(url.port) || (url.protocol === 'wss:' ? 443 : 80);
}

async function resolveName(examination: Examination): Promise<string> {
  const host = hostOf(examination);
  if (isIP(host)) throw new NotApplicable(`${host} is an address already`);
  const start = performance.now();
  const addresses = await lookup(host, { all: true }).catch((error: NodeJS.ErrnoException) => {
    throw new Finding(`${host} has no address: ${error.code ?? error.message}`);
  });
  return `${addresses.map(({ address }) => address).join(', ')} in ${milliseconds(performance.now() - start)}`;
}

async function connectPort(examination: Examination): Promise<string> {
  const start = performance.now();
  const socket = connect(portOf(examination), hostOf(examination));
  await connected(socket, 'connect', examination);
  socket.destroy();
  return `port ${portOf(examination)} in ${milliseconds(performance.now() - start)}`;
}

async function checkCertificate(examination: Examination): Promise<string> {
  if (examination.url.protocol !== 'wss:') throw new NotApplicable('ws:// has no TLS');
  const host = hostOf(examination);
  const servername = isIP(host) ? undefined : host;
  const socket = connectTls({ port: portOf(examination), host, servername });
  await connected(socket, 'secureConnect', examination);
  const { valid_to: until } = socket.getPeerCertificate();
  const protocol = socket.getProtocol();
  socket.destroy();
  return `${protocol}, certificate until ${new Date(until).toISOString().slice(0, 10)}`;
}

async function connected(socket: Socket, event: 'connect' | 'secureConnect', { address }: Examination): Promise<void> {
  try {
    await once(socket, event, { signal: AbortSignal.timeout(address.patienceMs) });
  } catch (error) {
    socket.destroy();
    const { name, code, message } = error as NodeJS.ErrnoException;
    throw new Finding(name === 'AbortError' ? `no answer within ${address.patienceMs / 1_000} s` : (code ?? message));
  }
}

/** Any answer over HTTP has the time of the other side, to the second. */
async function compareClocks(examination: Examination): Promise<string> {
  const url = new URL(examination.url);
  url.protocol = url.protocol === 'wss:' ? 'https:' : 'http:';
  url.search = '';
  const before = Date.now();
  const signal = AbortSignal.timeout(examination.address.patienceMs);
  const response = await fetch(url, { signal }).catch((error: Error) => {
    throw new NotApplicable(`no answer over HTTP to take the time from: ${error.message}`);
  });
  await response.body?.cancel();
  const said = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(said)) throw new NotApplicable('the answer over HTTP has no date');
  const seconds = secondsApart(said, before, Date.now());
  if (seconds > mostSecondsApart) {
    throw new Finding(`this machine's clock is ${seconds} s off: tokens and signed requests will be refused`);
  }
  return seconds === 0 ? 'to the second' : `${seconds} s apart`;
}

/** How far a second, as a server named it, is from any moment between two of this machine. */
function secondsApart(second: number, before: number, after: number): number {
  const late = before - (second + 999);
  const early = second - after;
  return Math.max(0, Math.ceil(Math.max(late, early) / 1_000));
}
