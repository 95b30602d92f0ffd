import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import type { WebAccess } from '../web-access';
import { type Address, type Door, type Listener, started } from './listeners';
import { Places } from './connection-limit';

/** Sockets of a monitor at a time. They have places of their own: it answers also when clients have taken all of theirs. */
const mostSockets = 64;

export interface MonitorProps extends Pick<Door, 'clock' | 'log'> {
  /** Metrics in the text format of Prometheus; absent where the listener serves health only. */
  metrics?(): string;
  /** Whether new clients are taken. An unreachable gateway does not count: to start the adapter anew would not help. */
  isServing(): boolean;
  /** Host names of the listener, and origins of the pages that may read it. */
  access: WebAccess;
}

/** Answers `GET /healthz`, and `GET /metrics` if there are metrics. */
export function listenMonitor(at: Address, props: MonitorProps): Promise<Listener> {
  const inner = createHttpServer((request, response) => answer(request, response, props));
  const { clock, log } = props;
  const places = new Places({ total: mostSockets, perAddress: mostSockets, perLoopbackAddress: mostSockets, clock });
  const admit: Door['admit'] = (socket) => {
    const place = places.take(socket);
    return typeof place === 'string' ? undefined : place;
  };
  return started(createServer({ allowHalfOpen: true }), at, {
    door: { admit, clock, log },
    serve: (socket) => inner.emit('connection', socket),
  });
}

function answer(request: IncomingMessage, response: ServerResponse, props: MonitorProps): void {
  const { metrics, isServing, access } = props;
  response.setHeader('connection', 'close');
  const path = request.url?.replace(/\?.*$/s, '');
  const problem = access.problemOf(request.headers);
  if (problem !== undefined) response.writeHead(403).end(`${problem}\n`);
  else if (request.method !== 'GET') response.writeHead(405, { allow: 'GET' }).end();
  else if (path === '/metrics' && metrics) {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(metrics());
  } else if (path === '/healthz') response.writeHead(isServing() ? 200 : 503).end(isServing() ? 'ok\n' : 'closing\n');
  else response.writeHead(404).end();
}
