import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LeanConnections } from '../aws/lean/lean-connections';
import { type DynamoDb, LeanDynamoDb } from '../aws/lean/lean-dynamodb';
import type { Sqs } from '../aws/lean/lean-sqs';
import { SdkConnections } from '../aws/sdk/sdk-connections';
import type { Metrics } from '../broker/ports/metrics';
import { callbackVariable } from '../deployment';
import type { ConnectionsClient } from '../transport/gateway-connections';
import { credentialsIn, dynamoDbOptions, maxAttempts, regionIn, sqsFor } from './environment';

/** The clients of a container, with the connections that its ports share. */
export interface Clients {
  readonly db: DynamoDb;
  readonly sqs: Sqs;
  readonly connections: ConnectionsClient;
}

/** In place of the callback of a function that was granted no connections. */
const noCallback = 'https://no-callback.invalid';

export function clientsFor(environment: NodeJS.ProcessEnv, metrics: Metrics): Clients {
  return {
    db: dynamoDbFor(environment, maxAttempts, metrics),
    sqs: sqsFor(environment, metrics),
    connections: connectionsFor(environment),
  };
}

// The variable below is a constant of the bundle (`bundleConstants` in settings.ts), so that it has the code of one kind
// of clients only. That works where the comparison itself decides.

export function dynamoDbFor(environment: NodeJS.ProcessEnv, attempts: number, metrics: Metrics): DynamoDb {
  if (process.env.AWS_CLIENTS === 'sdk') return new DynamoDBClient({ maxAttempts: attempts });
  return new LeanDynamoDb(dynamoDbOptions(environment, attempts, metrics));
}

function connectionsFor(environment: NodeJS.ProcessEnv): ConnectionsClient {
  const endpoint = environment[callbackVariable] ?? noCallback;
  if (process.env.AWS_CLIENTS === 'sdk') {
    return new SdkConnections(new ApiGatewayManagementApiClient({ maxAttempts: 1, cacheMiddleware: true, endpoint }));
  }
  return new LeanConnections(endpoint, regionIn(environment), credentialsIn(environment));
}
