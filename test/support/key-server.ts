import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A token issuer with responses that a test defines. Requests without a response stay open. */
export class KeyServer {
  /** Requested paths in their order. */
  readonly asked: string[] = [];
  private readonly answers = new Map<string, Answer>();

  private constructor(
    readonly issuer: string,
    private readonly server: Server,
  ) {}

  static async start(): Promise<KeyServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const keys = new KeyServer(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
    server.on('request', (request, response) => {
      const path = request.url ?? '';
      keys.asked.push(path);
      keys.answers.get(path)?.(response, request);
    });
    return keys;
  }

  /** Sets the response of a path: JSON, or a function that writes it. */
  answer(path: string, answer: Answer | object): void {
    this.answers.set(
      path,
      typeof answer === 'function' ? (answer as Answer) : (response) => response.end(JSON.stringify(answer)),
    );
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
  }
}
