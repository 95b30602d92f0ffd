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
import { endpointIn, type Service } from './endpoints';
import { identityIn } from './identity';

// The clients of the SDK, with Region, credentials and endpoints from the environment.

/** Milliseconds in which a client has to connect, and then to get a response. The SDK has no limit of its own. */
const timeout = 5000;

/** The SDK runs middleware at the end of this step once for each attempt. */
const attemptStep = { step: 'finalizeRequest', priority: 'low', name: 'throttleCounter' } as const;

export function dynamoDb(options: ClientOptions): DynamoDb {
  const client = new DynamoDBClient(sdkOptions(options, 'DYNAMODB'));
  client.middlewareStack.add(counterFor(options), attemptStep);
  return client;
}

export function itemWriter(options: ClientOptions): ItemWriter {
  return new SdkItemWriter(dynamoDb(options));
}

export function sqs(options: ClientOptions): Sqs {
  const client = new SQSClient(sdkOptions(options, 'SQS'));
  client.middlewareStack.add(counterFor(options), attemptStep);
  return new SdkSqs(client);
}

/** Makes one attempt at each call. Its throttled calls are counted by those who call it, who get the status. */
export function connections(environment: NodeJS.ProcessEnv, endpoint: string): ConnectionsApi {
  return new SdkConnections(new ApiGatewayManagementApiClient({ ...commonOptions(environment, 1), endpoint }));
}

export function eventBridge(options: ClientOptions): EventBridge {
  const client = new EventBridgeClient(sdkOptions(options, 'EVENTBRIDGE'));
  client.middlewareStack.add(counterFor(options), attemptStep);
  return new SdkEventBridge(client);
}

/** Makes one attempt at each call. */
export function gatewayStages(environment: NodeJS.ProcessEnv): GatewayStages {
  return new SdkGatewayStages(
    new ApiGatewayV2Client({ ...commonOptions(environment, 1), ...endpointFor(environment, 'APIGATEWAYV2') }),
  );
}

function sdkOptions({ environment, maxAttempts }: ClientOptions, service: Service) {
  return { ...commonOptions(environment, maxAttempts), ...endpointFor(environment, service) };
}

/** Nothing if the environment sets no endpoint: the SDK knows those of AWS. */
function endpointFor(environment: NodeJS.ProcessEnv, service: Service): { readonly endpoint?: string } {
  const endpoint = endpointIn(environment, service);
  return endpoint === undefined ? {} : { endpoint };
}

function commonOptions(environment: NodeJS.ProcessEnv, maxAttempts: number) {
  return {
    ...identityIn(environment),
    maxAttempts,
    cacheMiddleware: true, // resolves the middleware of a command once instead of at each call
    requestHandler: { connectionTimeout: timeout, requestTimeout: timeout, throwOnRequestTimeout: true },
  };
}

function counterFor({ metrics }: ClientOptions) {
  return throttleCounter(() => metrics.count('ThrottledCalls'));
}
