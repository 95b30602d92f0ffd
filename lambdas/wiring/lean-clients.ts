import type { ConnectionsApi } from '../aws/connections-api';
import type { DynamoDb, ItemWriter } from '../aws/dynamodb';
import type { EventBridge } from '../aws/event-bridge';
import type { GatewayStages } from '../aws/gateway-stages';
import { LeanConnections } from '../aws/lean/lean-connections';
import { LeanDynamoDb } from '../aws/lean/lean-dynamodb';
import { LeanEventBridge } from '../aws/lean/lean-event-bridge';
import { LeanGatewayStages } from '../aws/lean/lean-gateway-stages';
import { LeanItemWriter } from '../aws/lean/lean-item-writer';
import { LeanSqs } from '../aws/lean/lean-sqs';
import type { Sqs } from '../aws/sqs';
import type { ClientOptions } from './client-options';
import { endpointIn, endpointOf } from './endpoints';
import { identityIn } from './identity';

// The clients of our own, with Region, credentials and endpoints from the environment.

export function dynamoDb(options: ClientOptions): DynamoDb {
  return new LeanDynamoDb(dynamoDbOptions(options));
}

export function itemWriter(options: ClientOptions): ItemWriter {
  return new LeanItemWriter(dynamoDbOptions(options));
}

export function sqs(options: ClientOptions): Sqs {
  return new LeanSqs({ ...leanOptions(options), endpoint: endpointIn(options.environment, 'SQS') });
}

export function connections(environment: NodeJS.ProcessEnv, endpoint: string): ConnectionsApi {
  return new LeanConnections({ ...identityIn(environment), endpoint });
}

export function eventBridge(options: ClientOptions): EventBridge {
  const endpoint = endpointOf(options.environment, 'EVENTBRIDGE', 'events');
  return new LeanEventBridge({ ...leanOptions(options), endpoint });
}

export function gatewayStages(environment: NodeJS.ProcessEnv): GatewayStages {
  const endpoint = endpointOf(environment, 'APIGATEWAYV2', 'apigateway');
  return new LeanGatewayStages({ ...identityIn(environment), endpoint });
}

function dynamoDbOptions(options: ClientOptions) {
  return { ...leanOptions(options), endpoint: endpointOf(options.environment, 'DYNAMODB', 'dynamodb') };
}

function leanOptions({ environment, metrics, maxAttempts }: ClientOptions) {
  return { ...identityIn(environment), maxAttempts, onThrottle: () => metrics.count('ThrottledCalls') };
}
