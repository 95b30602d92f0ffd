import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import {
  type ApiFunctionName,
  type BridgeFunctionName,
  type BridgeQueueName,
  type FunctionName,
  functions,
  type QueueName,
  queues,
  type SystemTopicsFunctionName,
} from '../lambdas/deployment';
import type { TableName } from '../lambdas/storage/schema';
import type { BrokerFunction } from './broker-function';
import type { ByFunction, ByQueue } from './deployed';
import type { WebsocketGateway } from './websocket-gateway';

/** Resources of a broker for which AWS publishes CloudWatch metrics at no charge. */
export interface MonitoredResources {
  readonly functions: ByFunction<BrokerFunction>;
  readonly queues: ByQueue<Queue>;
  readonly tables: { readonly [Name in TableName]: Table };
  readonly gateway: WebsocketGateway;
}

/** Name of a function that every broker has. */
export type CoreFunction = Exclude<FunctionName, BridgeFunctionName | ApiFunctionName | SystemTopicsFunctionName>;
/** Name of a queue that every broker has. */
export type CoreQueue = Exclude<QueueName, BridgeQueueName>;

export const coreFunctions = coreOf(functions) as CoreFunction[];
export const coreQueues = coreOf(queues) as CoreQueue[];

function coreOf(specs: Readonly<Record<string, { readonly part?: string }>>): string[] {
  return Object.keys(specs).filter((name) => specs[name]?.part === undefined);
}
