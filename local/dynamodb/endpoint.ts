import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebAccess } from '../../clients/web-access';
import { ChanceMemory } from '../fault-rules';
import { isSignedFor, notSigned } from '../http-api/signature-check';
import { type HttpRequest, noReply, type Reply, readRequest, sendReply } from '../http-exchange';
import type { Backend } from './backend';
import { createTables } from './create-tables';
import { DynamoDbFront } from './dynamodb-front';
import type { DynamoDbData } from './dynamodb-messages';
import { embeddedBackend } from './embedded-backend';
import { remoteBackend } from './remote-backend';

/** An HTTP server in front of dynalite or of another endpoint. */
export interface DynamoDbEndpoint {
  readonly front: DynamoDbFront;
  readonly server: Server;
  /** Handles a request that does not come from the server's socket. */
  readonly respond: (request: HttpRequest) => Promise<Reply>;
  readonly port: number;
}

/** Resolves when the tables exist and the endpoint listens on a free port. */
export async function openEndpoint(data: DynamoDbData, kill: (caller: string) => void): Promise<DynamoDbEndpoint> {
  const backend = chooseBackend(data);
  await createTables(backend, (table) => data.tablePrefix + table).catch((error: Error) => {
    if (data.remote === undefined) throw error;
    throw new Error(`the DynamoDB at ${data.remote} cannot be used: ${error.message}`, { cause: error });
  });
  const memory = new ChanceMemory(data.chances);
  const tableOf = (deployed: string) => deployed.slice(data.tablePrefix.length);
  const front = new DynamoDbFront({ backend, memory, tableOf, kill, latency: data.latency });
  const access = new WebAccess({ hosts: data.hosts });
  const server = createServer((request, response) => {
    serve({ front, access }, request, response).catch((error) => fail(response, error));
  });
  server.keepAliveTimeout = 0; // A frozen container does not notice that its idle socket was closed.
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { front, server, respond: (request) => respond(front, request), port: (server.address() as AddressInfo).port };
}

function chooseBackend({ remote, dynalite, path }: DynamoDbData): Backend {
  if (remote !== undefined) return remoteBackend(remote);
  return embeddedBackend(dynalite, path);
}

interface Served {
  readonly front: DynamoDbFront;
  readonly access: WebAccess;
}

async function serve({ front, access }: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const problem = access.problemOf(request.headers);
  if (problem !== undefined) return void response.writeHead(403).end(problem);
  const exchange = await readRequest(request);
  sendReply(response, isSignedFor('dynamodb', exchange) ? await respond(front, exchange) : notSigned);
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else {
    const body = JSON.stringify({ __type: 'com.amazon.coral.service#SerializationException', message: String(error) });
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' }).end(body);
  }
}

async function respond(front: DynamoDbFront, { headers, body }: HttpRequest): Promise<Reply> {
  const response = await front.respond({
    target: String(headers['x-amz-target']),
    authorization: String(headers.authorization ?? ''),
    body: body.toString(),
  });
  return response ? { ...response, headers: { 'content-type': 'application/x-amz-json-1.0' } } : noReply;
}
