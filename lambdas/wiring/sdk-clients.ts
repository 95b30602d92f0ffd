import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { ApiGatewayV2Client } from '@aws-sdk/client-apigatewayv2';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { ConnectionsApi } from '../aws/connections-api';
import type { DynamoDb, ItemWriter } from '../aws/dynamodb';
import type { EventBridge } from '../aws/event-bridge';
import type { GatewayStages } from '../aws/gateway-stages';
import { SdkConnections } from '../aws/sdk/sdk-connections';
import { SdkEventBridge } from '../aws/sdk/sdk-event-bridge';
import { SdkGatewayStages } from '../aws/sdk/sdk-gateway-stages';
import { SdkItemWriter } from '../aws/sdk/sdk-item-writer';
import { SdkSqs } from '../aws/sdk/sdk-sqs';
import { throttleCounter } from '../aws/sdk/throttle-counter';
import type { Sqs } from '../aws/sqs';
import type { ClientOptions } from './client-options';

// The SDK's clients. They read Region, credentials and endpoints from the environment of the process themselves.

type Options = Pick<ClientOptions, 'metrics' | 'maxAttempts'>;

/** Milliseconds in which a client has to connect, and then to get a response. The SDK has no limit of its own. */
const timeout = 5000;

/** The SDK runs middleware at the end of this step once for each attempt. */
const attemptStep = { step: 'finalizeRequest', priority: 'low', name: 'throttleCounter' } as const;

export function dynamoDb(options: Options): DynamoDb {
  const client = new DynamoDBClient(clientOptions(options.maxAttempts));
  client.middlewareStack.add(counterFor(options), attemptStep);
  return client;
}

export function itemWriter(options: Options): ItemWriter {
  return new SdkItemWriter(dynamoDb(options));
}

export function sqs(options: Options): Sqs {
  const client = new SQSClient(clientOptions(options.maxAttempts));
  client.middlewareStack.add(counterFor(options), attemptStep);
  return new SdkSqs(client);
}

/** Makes one attempt at each call. Its throttled calls are counted by those who call it, who get the status. */
export function connections(endpoint: string): ConnectionsApi {
  return new SdkConnections(new ApiGatewayManagementApiClient({ ...clientOptions(1), endpoint }));
}

export function eventBridge(options: Options): EventBridge {
  const client = new EventBridgeClient(clientOptions(options.maxAttempts));
  client.middlewareStack.add(counterFor(options), attemptStep);
  return new SdkEventBridge(client);
}

/** Makes one attempt at each call. */
export function gatewayStages(): GatewayStages {
  return new SdkGatewayStages(new ApiGatewayV2Client(clientOptions(1)));
}

function clientOptions(maxAttempts: number) {
  return {
    maxAttempts,
    cacheMiddleware: true, // resolves the middleware of a command once instead of at each call
    requestHandler: { connectionTimeout: timeout, requestTimeout: timeout, throwOnRequestTimeout: true },
  };
}

function counterFor({ metrics }: Options) {
  return throttleCounter(() => metrics.count('ThrottledCalls'));
}
