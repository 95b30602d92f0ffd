import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A server of HTTP that does with each request what the test says; the first argument counts requests. */
export class ScriptedServer {
  requests = 0;
  connections = 0;
  private readonly sockets = new Set<Socket>();
  private constructor(private readonly server: Server) {}

  static async start(act: (request: number, socket: Socket) => void): Promise<ScriptedServer> {
    const server = createServer();
    const scripted = new ScriptedServer(server);
    server.on('connection', (socket) => {
      scripted.connections += 1;
      scripted.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        if (/^(POST|GET|DELETE) /.test(data.toString('latin1'))) act(++scripted.requests, socket);
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return scripted;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Closes every connection as a service closes what lay idle. */
  cut(): void {
    for (const socket of this.sockets) socket.end();
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** A whole answer. */
export function reply(socket: Socket, body = '{}', status = '200 OK'): void {
  socket.write(`HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
