import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ChanceMemory } from '../fault-rules';
import { readBody } from '../read-body';
import type { Backend } from './backend';
import { createTables } from './create-tables';
import type { DynamoDbData, DynamoDbMessage, DynamoDbOrder } from './dynamodb-messages';
import { type Dynalite, embeddedBackend } from './embedded-backend';
import { Front } from './front';
import { remoteBackend } from './remote-backend';

/** What runs in DynamoDB's own thread: an HTTP server before dynalite or another endpoint. */
const data = workerData as DynamoDbData;
const port = parentPort as MessagePort;

function tell(message: DynamoDbMessage): void {
  port.postMessage(message);
}

function chooseBackend(): Backend {
  if (data.remote !== undefined) return remoteBackend(data.remote);
  return embeddedBackend(require(data.dynalite) as Dynalite, data.path);
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

function obey(front: Front, order: DynamoDbOrder): void {
  if (order.kind === 'rules') front.rules = order.rules;
  if (order.kind === 'reset') front.usage = {};
  tell({ kind: 'done', usage: front.usage });
}

async function live(): Promise<void> {
  const backend = chooseBackend();
  await createTables(backend, (table) => data.tablePrefix + table);
  const front = new Front({
    backend,
    memory: new ChanceMemory(data.chances),
    tableOf: (deployed) => deployed.slice(data.tablePrefix.length),
    kill: (caller) => tell({ kind: 'kill', caller }),
  });
  port.on('message', (order: DynamoDbOrder) => obey(front, order));
  const server = createServer((request, response) => {
    serve(front, request, response).catch((error) => response.destroy(error));
  });
  server.keepAliveTimeout = 0; // A frozen container cannot notice that its idle socket was closed.
  server.listen(0, '127.0.0.1', () => tell({ kind: 'ready', port: (server.address() as AddressInfo).port }));
}

live().catch((error) => tell({ kind: 'failed', error: String(error) }));
