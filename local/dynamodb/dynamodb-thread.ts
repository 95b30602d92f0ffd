import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { DynamoDbData, DynamoDbMessage, DynamoDbOrder } from './dynamodb-messages';
import { openEndpoint } from './endpoint';
import type { Front } from './front';

/** What runs in a thread of DynamoDB's own. */
const port = parentPort as MessagePort;

function tell(message: DynamoDbMessage): void {
  port.postMessage(message);
}

function obey(front: Front, order: DynamoDbOrder): void {
  if (order.kind === 'rules') front.rules = order.rules;
  if (order.kind === 'reset') front.usage = {};
  tell({ kind: 'done', usage: front.usage });
}

async function live(): Promise<void> {
  const endpoint = await openEndpoint(workerData as DynamoDbData, (caller) => tell({ kind: 'kill', caller }));
  port.on('message', (order: DynamoDbOrder) => obey(endpoint.front, order));
  tell({ kind: 'ready', port: endpoint.port });
}

live().catch((error) => tell({ kind: 'failed', error: String(error) }));
