import type { ConnectionsApi } from '../aws/connections-api';
import type { DynamoDb, ItemWriter } from '../aws/dynamodb';
import type { EventBridge } from '../aws/event-bridge';
import type { GatewayStages } from '../aws/gateway-stages';
import type { Sqs } from '../aws/sqs';
import type { Metrics } from '../broker/ports/metrics';
import { callbackVariable } from '../deployment';
import * as lean from './lean-clients';
import * as sdk from './sdk-clients';

// The one place that chooses between the AWS SDK and the clients of our own (option `awsClients`, ADR 0010). The variable
// AWS_CLIENTS is a constant of the bundle (`bundleConstants` in settings.ts): esbuild evaluates each comparison and leaves
// out the clients that were not chosen. It does so only where the comparison itself is the condition of the expression.

/** Attempts at a call of DynamoDB or SQS. They throttle for moments; a longer outage is left to the queue's redelivery. */
const maxAttempts = 5;

/** Attempts at a call of EventBridge. The queue keeps the events that it does not accept, and timers must not wait longer. */
const maxEventAttempts = 2;

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
  const options = { environment, metrics, maxAttempts };
  return process.env.AWS_CLIENTS === 'sdk' ? sdk.dynamoDb(options) : lean.dynamoDb(options);
}

/** For calls that must not be repeated, because an attempt without a response may have taken effect. */
export function singleAttemptDynamoDbFor(environment: NodeJS.ProcessEnv, metrics: Metrics): DynamoDb {
  const options = { environment, metrics, maxAttempts: 1 };
  return process.env.AWS_CLIENTS === 'sdk' ? sdk.dynamoDb(options) : lean.dynamoDb(options);
}

/** For the handshake. With our own client its bundle has nothing of the SDK, not even the commands. */
export function itemWriterFor(environment: NodeJS.ProcessEnv, metrics: Metrics): ItemWriter {
  const options = { environment, metrics, maxAttempts };
  return process.env.AWS_CLIENTS === 'sdk' ? sdk.itemWriter(options) : lean.itemWriter(options);
}

export function sqsFor(environment: NodeJS.ProcessEnv, metrics: Metrics): Sqs {
  const options = { environment, metrics, maxAttempts };
  return process.env.AWS_CLIENTS === 'sdk' ? sdk.sqs(options) : lean.sqs(options);
}

/** Makes one attempt at each call: a second post could send a frame twice. */
export function connectionsFor(environment: NodeJS.ProcessEnv): ConnectionsApi {
  const endpoint = environment[callbackVariable] ?? noCallback;
  return process.env.AWS_CLIENTS === 'sdk'
    ? sdk.connections(environment, endpoint)
    : lean.connections(environment, endpoint);
}

export function eventBridgeFor(environment: NodeJS.ProcessEnv, metrics: Metrics): EventBridge {
  const options = { environment, metrics, maxAttempts: maxEventAttempts };
  return process.env.AWS_CLIENTS === 'sdk' ? sdk.eventBridge(options) : lean.eventBridge(options);
}

/** Makes one attempt: Lambda repeats an invocation of the brake that fails. */
export function gatewayStagesFor(environment: NodeJS.ProcessEnv): GatewayStages {
  return process.env.AWS_CLIENTS === 'sdk' ? sdk.gatewayStages(environment) : lean.gatewayStages(environment);
}
