import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { ChanceMemory } from '../fault-rules';
import { type HttpRequest, type Reply, readRequest, sendReply, silence } from '../http-exchange';
import type { Backend } from './backend';
import { createTables } from './create-tables';
import type { DynamoDbData } from './dynamodb-messages';
import { type Dynalite, embeddedBackend } from './embedded-backend';
import { Front } from './front';
import { type ExpressionParser, rememberParsed } from './parsed-expressions';
import { remoteBackend } from './remote-backend';

/** An HTTP server before dynalite or another endpoint. */
export interface DynamoDbEndpoint {
  readonly front: Front;
  readonly server: Server;
  /** What the server does with a request. */
  readonly answer: (request: HttpRequest) => Promise<Reply>;
  readonly port: number;
}

/** Resolves when the tables are there and the endpoint listens on a free port. */
export async function openEndpoint(data: DynamoDbData, kill: (caller: string) => void): Promise<DynamoDbEndpoint> {
  const backend = chooseBackend(data);
  await createTables(backend, (table) => data.tablePrefix + table).catch((error: Error) => {
    if (data.remote === undefined) throw error;
    throw new Error(`the DynamoDB at ${data.remote} cannot be used: ${error.message}`, { cause: error });
  });
  const memory = new ChanceMemory(data.chances);
  const tableOf = (deployed: string) => deployed.slice(data.tablePrefix.length);
  const front = new Front({ backend, memory, tableOf, kill, latency: data.latency });
  const server = createServer((request, response) => {
    serve(front, request, response).catch((error) => response.destroy(error));
  });
  server.keepAliveTimeout = 0; // A frozen container cannot notice that its idle socket was closed.
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { front, server, answer: (request) => answer(front, request), port: (server.address() as AddressInfo).port };
}

function chooseBackend({ remote, dynalite, path }: DynamoDbData): Backend {
  if (remote !== undefined) return remoteBackend(remote);
  for (const parser of ['conditionParser', 'updateParser']) {
    rememberParsed(require(join(dirname(dynalite), 'db', parser)) as ExpressionParser);
  }
  return embeddedBackend(require(dynalite) as Dynalite, path);
}

async function serve(front: Front, request: IncomingMessage, response: ServerResponse): Promise<void> {
  sendReply(response, await answer(front, await readRequest(request)));
}

async function answer(front: Front, { headers, body }: HttpRequest): Promise<Reply> {
  const answered = await front.answer({
    target: String(headers['x-amz-target']),
    authorization: String(headers.authorization ?? ''),
    body: body.toString(),
  });
  return answered ? { ...answered, headers: { 'content-type': 'application/x-amz-json-1.0' } } : silence;
}
