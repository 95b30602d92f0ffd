import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { DynamoDbFront } from './dynamodb-front';
import type { DynamoDbData, DynamoDbMessage, DynamoDbOrder } from './dynamodb-messages';
import { openEndpoint } from './endpoint';

/** Entry point of the thread that runs DynamoDB. */
const port = parentPort as MessagePort;

function send(message: DynamoDbMessage): void {
  port.postMessage(message);
}

function handle(front: DynamoDbFront, order: DynamoDbOrder): void {
  if (order.kind === 'rules') front.rules = order.rules;
  if (order.kind === 'reset') front.usage = {};
  send({ kind: 'done', usage: front.usage });
}

async function main(): Promise<void> {
  const endpoint = await openEndpoint(workerData as DynamoDbData, (caller) => send({ kind: 'kill', caller }));
  port.on('message', (order: DynamoDbOrder) => handle(endpoint.front, order));
  send({ kind: 'ready', port: endpoint.port });
}

main().catch((error) => send({ kind: 'failed', error: String(error) }));
