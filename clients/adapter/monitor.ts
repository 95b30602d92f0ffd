import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Address, type Listener, started } from './listeners';

export interface MonitorProps {
  /** What Prometheus reads. */
  metrics(): string;
  /** Whether new clients are taken. An unreachable gateway does not count: to start the adapter anew would not help. */
  isServing(): boolean;
}

/** `GET /metrics` and `GET /healthz` for whoever watches the adapter. */
export function listenMonitor(at: Address, props: MonitorProps): Promise<Listener> {
  return started(
    createServer({ requestTimeout: 10_000 }, (request, response) => answer(request, response, props)),
    at,
  );
}

function answer(request: IncomingMessage, response: ServerResponse, { metrics, isServing }: MonitorProps): void {
  response.setHeader('connection', 'close');
  const path = request.url?.replace(/\?.*$/s, '');
  if (request.method !== 'GET') response.writeHead(405, { allow: 'GET' }).end();
  else if (path === '/metrics') {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(metrics());
  } else if (path === '/healthz') response.writeHead(isServing() ? 200 : 503).end(isServing() ? 'ok\n' : 'closing\n');
  else response.writeHead(404).end();
}
