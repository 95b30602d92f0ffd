import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { ApiGatewayV2Client } from '@aws-sdk/client-apigatewayv2';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { SQSClient } from '@aws-sdk/client-sqs';
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
import type { Credentials } from '../aws/lean/signature';
import { SdkConnections } from '../aws/sdk/sdk-connections';
import { SdkEventBridge } from '../aws/sdk/sdk-event-bridge';
import { SdkGatewayStages } from '../aws/sdk/sdk-gateway-stages';
import { SdkItemWriter } from '../aws/sdk/sdk-item-writer';
import { SdkSqs } from '../aws/sdk/sdk-sqs';
import { throttleCounter } from '../aws/sdk/throttle-counter';
import type { Sqs } from '../aws/sqs';
import type { Metrics } from '../broker/ports/metrics';
import { callbackVariable } from '../deployment';
import { endpointIn, endpointOf, regionIn } from './endpoints';

// The one place that chooses between the AWS SDK and the clients of our own (option `awsClients`, ADR 0010). The variable
// AWS_CLIENTS is a constant of the bundle (`bundleConstants` in settings.ts): esbuild evaluates each comparison and leaves
// out the code of the clients that were not chosen. It can do so only where the comparison itself is the condition.

/** Attempts at a call of DynamoDB or SQS. They throttle for moments; a longer outage is left to the queue's redelivery. */
const maxAttempts = 5;

/** Attempts at a call of EventBridge. The queue keeps what it does not accept, and a timer may not wait longer. */
const maxEventAttempts = 2;

/** Attempts at a call of AWS IoT Core, and milliseconds for each. A longer outage is left to the queue's redelivery. */
const maxIotAttempts = 3;
const iotTimeout = 3000;

/** Milliseconds in which the SDK's client has to connect, and then to get a response. */
const sdkTimeout = 5000;

/** Endpoint for a function that has no grant for connections. */
const noCallback = 'https://no-callback.invalid';

/** The clients of a container. Its ports share them, and so their HTTP connections. */
export interface Clients {
  readonly db: DynamoDb;
  readonly sqs: Sqs;
  readonly connections: ConnectionsApi;
}

export function clientsFor(environment: NodeJS.ProcessEnv, metrics: Metrics): Clients {
  return {
    db: dynamoDbFor(environment, metrics),
    sqs: sqsFor(environment, metrics),
    connections: connectionsFor(environment),
  };
}

export function dynamoDbFor(environment: NodeJS.ProcessEnv, metrics: Metrics): DynamoDb {
  return dynamoDbWith(environment, metrics, maxAttempts);
}

/** For calls that must not be repeated, because an attempt without a response may have taken effect. */
export function singleAttemptDynamoDbFor(environment: NodeJS.ProcessEnv, metrics: Metrics): DynamoDb {
  return dynamoDbWith(environment, metrics, 1);
}

function dynamoDbWith(environment: NodeJS.ProcessEnv, metrics: Metrics, attempts: number): DynamoDb {
  if (process.env.AWS_CLIENTS === 'sdk') return sdkDynamoDb(metrics, attempts);
  const endpoint = endpointOf(environment, 'DYNAMODB', 'dynamodb');
  return new LeanDynamoDb({ ...leanOptions(environment, metrics, attempts), endpoint });
}

/** For the handshake, whose bundle has no commands of the SDK with the lean clients. */
export function itemWriterFor(environment: NodeJS.ProcessEnv, metrics: Metrics): ItemWriter {
  if (process.env.AWS_CLIENTS === 'sdk') return new SdkItemWriter(sdkDynamoDb(metrics, maxAttempts));
  const endpoint = endpointOf(environment, 'DYNAMODB', 'dynamodb');
  return new LeanItemWriter({ ...leanOptions(environment, metrics, maxAttempts), endpoint });
}

export function sqsFor(environment: NodeJS.ProcessEnv, metrics: Metrics): Sqs {
  if (process.env.AWS_CLIENTS === 'sdk') {
    const client = new SQSClient(sdkOptions(maxAttempts));
    client.middlewareStack.add(throttleCounter(onThrottle(metrics)), attemptStep);
    return new SdkSqs(client);
  }
  const endpoint = endpointIn(environment, 'SQS');
  return new LeanSqs({ ...leanOptions(environment, metrics, maxAttempts), endpoint });
}

export function connectionsFor(environment: NodeJS.ProcessEnv): ConnectionsApi {
  const endpoint = environment[callbackVariable] ?? noCallback;
  if (process.env.AWS_CLIENTS === 'sdk') {
    return new SdkConnections(new ApiGatewayManagementApiClient({ ...sdkOptions(1), endpoint }));
  }
  return new LeanConnections({ endpoint, region: regionIn(environment), credentials: credentialsIn(environment) });
}

export function eventBridgeFor(environment: NodeJS.ProcessEnv, metrics: Metrics): EventBridge {
  if (process.env.AWS_CLIENTS === 'sdk') {
    const client = new EventBridgeClient(sdkOptions(maxEventAttempts));
    client.middlewareStack.add(throttleCounter(onThrottle(metrics)), attemptStep);
    return new SdkEventBridge(client);
  }
  const endpoint = endpointOf(environment, 'EVENTBRIDGE', 'events');
  return new LeanEventBridge({ ...leanOptions(environment, metrics, maxEventAttempts), endpoint });
}

/** Lambda repeats an invocation of the brake that fails, so one attempt is enough. */
export function gatewayStagesFor(environment: NodeJS.ProcessEnv): GatewayStages {
  if (process.env.AWS_CLIENTS === 'sdk') return new SdkGatewayStages(new ApiGatewayV2Client(sdkOptions(1)));
  const endpoint = endpointOf(environment, 'APIGATEWAYV2', 'apigateway');
  return new LeanGatewayStages({ region: regionIn(environment), credentials: credentialsIn(environment), endpoint });
}

/** The SDK's client in any case: no client waits for a start of its function. The SDK reads the endpoint from a variable. */
export function iotDataPlaneFor(): IoTDataPlaneClient {
  const requestHandler = { requestTimeout: iotTimeout, throwOnRequestTimeout: true };
  return new IoTDataPlaneClient({ maxAttempts: maxIotAttempts, requestHandler });
}

/** The SDK reads Region, credentials and endpoints from the environment of the process. */
function sdkOptions(attempts: number) {
  return {
    maxAttempts: attempts,
    cacheMiddleware: true, // resolves the middleware of a command once instead of at each call
    requestHandler: { connectionTimeout: sdkTimeout, requestTimeout: sdkTimeout, throwOnRequestTimeout: true },
  };
}

function sdkDynamoDb(metrics: Metrics, attempts: number): DynamoDBClient {
  const client = new DynamoDBClient(sdkOptions(attempts));
  client.middlewareStack.add(throttleCounter(onThrottle(metrics)), attemptStep);
  return client;
}

/** The SDK runs middleware at the end of this step once for each attempt. */
const attemptStep = { step: 'finalizeRequest', priority: 'low', name: 'throttleCounter' } as const;

function leanOptions(environment: NodeJS.ProcessEnv, metrics: Metrics, attempts: number) {
  return {
    region: regionIn(environment),
    credentials: credentialsIn(environment),
    maxAttempts: attempts,
    onThrottle: onThrottle(metrics),
  };
}

function onThrottle(metrics: Metrics): () => void {
  return () => metrics.count('ThrottledCalls');
}

/** Lambda gives each container credentials for its lifetime. */
function credentialsIn(environment: NodeJS.ProcessEnv): Credentials {
  return {
    accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
    sessionToken: environment.AWS_SESSION_TOKEN,
  };
}
