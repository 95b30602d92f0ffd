import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import type { Backend, DynamoDbRequest, DynamoDbResponse } from './backend';
import { cacheParsed, type ExpressionParser } from './parsed-expressions';

type Dynalite = (options: {
  createTableMs: number;
  deleteTableMs: number;
  updateTableMs: number;
  path?: string;
}) => Server;

const contentType = 'application/x-amz-json-1.0';

/**
 * Runs dynalite in this process and calls its HTTP server without a socket. Its expression parsers cache their results.
 *
 * @param entry file that `require` loads as dynalite
 * @param path folder of the database; in memory if absent
 */
export function embeddedBackend(entry: string, path?: string): Backend {
  for (const parser of ['conditionParser', 'updateParser']) {
    cacheParsed(require(join(dirname(entry), 'db', parser)) as ExpressionParser);
  }
  const dynalite = require(entry) as Dynalite;
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

  constructor(private readonly resolve: (response: DynamoDbResponse) => void) {}

  setHeader(): void {}

  end(body: string): void {
    this.resolve({ status: this.statusCode, body });
  }
}
