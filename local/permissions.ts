import { type FunctionSpec, functions, type QueueName } from '../lambdas/deployment';
import type { TableName } from '../lambdas/storage/schema';
import { type AwsCall, callerParts } from './aws-call';

/** Operations that the deployed grants for reading and writing a table cover. */
export const readOperations: ReadonlySet<string> = new Set(['GetItem', 'BatchGetItem', 'Query', 'Scan']);
export const writeOperations: ReadonlySet<string> = new Set(['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem']);

/**
 * True when the deployed role of the calling function covers a call, as IAM would decide. Callers that are not
 * containers may do everything.
 */
export function isAllowed(call: AwsCall): boolean {
  const container = callerParts(call.caller);
  return container === undefined || isGranted(functions[container.name], call);
}

function isGranted(spec: FunctionSpec, { service, operation, tables = [], queue }: AwsCall): boolean {
  switch (service) {
    case 'dynamodb':
      return tables.length > 0 && tables.every((table) => isTableGranted(spec, operation, table as TableName));
    case 'sqs':
      return spec.sendsTo.includes(queue as QueueName);
    case 'connections':
      return spec.connections.some((method) => connectionOperations[method] === operation);
    case 'iot':
      return spec.publishesToIot === true && operation === 'Publish';
    case 'events':
      return spec.events === 'hands on' && operation === 'PutEvents';
  }
}

function isTableGranted({ reads, writes, scans = [] }: FunctionSpec, operation: string, table: TableName): boolean {
  if (operation === 'Scan') return scans.includes(table);
  if (readOperations.has(operation)) return reads.includes(table);
  return writeOperations.has(operation) && writes.includes(table);
}

/** The SDK's names for the methods of the @connections API. */
export const connectionOperations: Readonly<Record<string, string>> = {
  POST: 'PostToConnection',
  GET: 'GetConnection',
  DELETE: 'DeleteConnection',
};
