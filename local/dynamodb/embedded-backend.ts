import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Backend, DynamoDbAnswer, DynamoDbRequest } from './backend';

export type Dynalite = (options: {
  createTableMs: number;
  deleteTableMs: number;
  updateTableMs: number;
  path?: string;
}) => Server;

const contentType = 'application/x-amz-json-1.0';

/** Dynalite, called in process: it is an HTTP server that needs neither a socket nor a second hop. */
export function embeddedBackend(dynalite: Dynalite, path?: string): Backend {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0, path });
  return (request) =>
    new Promise((resolve) => {
      const incoming = new EmbeddedRequest(request) as unknown as IncomingMessage;
      server.emit('request', incoming, new EmbeddedResponse(resolve) as unknown as ServerResponse);
      incoming.emit('data', Buffer.from(request.body));
      incoming.emit('end');
    });
}

class EmbeddedRequest extends EventEmitter {
  readonly method = 'POST';
  readonly url = '/';
  readonly headers: Record<string, string>;

  constructor({ target, authorization }: DynamoDbRequest) {
    super();
    this.headers = { 'x-amz-target': target, 'content-type': contentType, 'x-amz-date': 'local', authorization };
  }
}

class EmbeddedResponse {
  statusCode = 200;

  constructor(private readonly resolve: (answer: DynamoDbAnswer) => void) {}

  setHeader(): void {}

  end(body: string): void {
    this.resolve({ status: this.statusCode, body });
  }
}
