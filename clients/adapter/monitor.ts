import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import type { WebAccess } from '../web-access';
import { ConnectionLimit } from './connection-limit';
import { type Acceptor, type Address, type Listener, started } from './listeners';

/** Sockets of a monitor at a time. They have their own limit, so that the monitor responds when all client connections are in use. */
const maxSockets = 64;

export interface MonitorProps extends Pick<Acceptor, 'clock' | 'log'> {
  /** Returns metrics in the text format of Prometheus; absent if the listener serves health checks only. */
  metrics?(): string;
  /** True while new clients are accepted. An unreachable gateway does not count, because a restart of the adapter would not help. */
  isServing(): boolean;
  /** Host names of the listener, and origins of the pages that may read it. */
  access: WebAccess;
}

/** Serves `GET /healthz`, and `GET /metrics` if there are metrics. */
export function listenMonitor(at: Address, props: MonitorProps): Promise<Listener> {
  const inner = createHttpServer((request, response) => respond(request, response, props));
  const { clock, log } = props;
  const limit = new ConnectionLimit({
    total: maxSockets,
    perAddress: maxSockets,
    perLoopbackAddress: maxSockets,
    clock,
  });
  const admit: Acceptor['admit'] = (socket) => {
    const permit = limit.acquire(socket);
    return typeof permit === 'string' ? undefined : permit;
  };
  return started(createServer({ allowHalfOpen: true }), at, {
    acceptor: { admit, clock, log },
    serve: (socket) => inner.emit('connection', socket),
  });
}

function respond(request: IncomingMessage, response: ServerResponse, props: MonitorProps): void {
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
