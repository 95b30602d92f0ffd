import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ChanceMemory } from '../fault-rules';
import { readBody } from '../read-body';
import type { Backend } from './backend';
import { createTables } from './create-tables';
import type { DynamoDbData } from './dynamodb-messages';
import { type Dynalite, embeddedBackend } from './embedded-backend';
import { Front } from './front';
import { remoteBackend } from './remote-backend';

/** An HTTP server before dynalite or another endpoint. */
export interface DynamoDbEndpoint {
  readonly front: Front;
  readonly server: Server;
  readonly port: number;
}

/** Resolves when the tables are there and the endpoint listens on a free port. */
export async function openEndpoint(data: DynamoDbData, kill: (caller: string) => void): Promise<DynamoDbEndpoint> {
  const backend = chooseBackend(data);
  await createTables(backend, (table) => data.tablePrefix + table);
  const memory = new ChanceMemory(data.chances);
  const front = new Front({ backend, memory, tableOf: (deployed) => deployed.slice(data.tablePrefix.length), kill });
  const server = createServer((request, response) => {
    serve(front, request, response).catch((error) => response.destroy(error));
  });
  server.keepAliveTimeout = 0; // A frozen container cannot notice that its idle socket was closed.
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { front, server, port: (server.address() as AddressInfo).port };
}

function chooseBackend({ remote, dynalite, path }: DynamoDbData): Backend {
  return remote === undefined ? embeddedBackend(require(dynalite) as Dynalite, path) : remoteBackend(remote);
}

async function serve(front: Front, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = await front.answer({
    target: String(request.headers['x-amz-target']),
    authorization: request.headers.authorization ?? '',
    body: (await readBody(request)).toString(),
  });
  if (!answer) return; // The caller is being killed; a closed socket would make it try again before.
  response.writeHead(answer.status, {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': Buffer.byteLength(answer.body),
  });
  response.end(answer.body);
}
