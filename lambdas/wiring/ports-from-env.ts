import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { assembleAccess } from './access/assemble';
import { unpackAccess } from './access/read-access';
import { type DynamoDb, LeanDynamoDb } from './aws/lean-dynamodb';
import type { Credentials } from './aws/signature';
import type { Log, Ports } from './broker/ports';
import { accessVariable, callbackVariable, type QueueName, queues } from './deployment';
import { settingsFromEnvironment } from './settings';
import { DynamoAccountStore } from './storage/accounts';
import { DynamoConnectionStore } from './storage/connections';
import { DynamoDeadlineStore } from './storage/deadlines';
import { DynamoInflightStore } from './storage/inflight';
import { DynamoLookup } from './storage/lookup';
import { DynamoRetainedStore } from './storage/retained';
import { type TableName, tableVariable } from './storage/schema';
import { DynamoSeats } from './storage/seats';
import { DynamoSessionStore } from './storage/sessions';
import { DynamoTopicIndex } from './storage/topic-index';
import { GatewayConnections, type Poster, SdkPoster } from './transport/gateway-connections';
import { LeanPoster } from './transport/lean-connections';
import { SqsFanOutQueue, SqsPacketQueue, SqsTimerQueue } from './transport/queues';

/** Attempts at one AWS call. DynamoDB and SQS throttle for moments; a longer outage is for the queue's redelivery. */
const maxAttempts = 5;

/**
 * The ports of this container, from its environment, once per cold start. A function that lacks a variable was not granted
 * what stands behind it, so each port complains only when it is used.
 */
export function portsFromEnvironment(environment: NodeJS.ProcessEnv): Ports {
  const common = { maxAttempts, cacheMiddleware: true };
  const db = dynamoDb(environment, maxAttempts);
  const sqs = new SQSClient(common);
  const gateway = new ApiGatewayManagementApiClient({ ...common, endpoint: environment[callbackVariable] });
  const table = (name: TableName) => environment[tableVariable(name)] ?? `(no ${tableVariable(name)})`;
  const queue = (name: QueueName) => environment[queues[name].variable] ?? `(no ${queues[name].variable})`;
  const now = () => Date.now();
  const settings = settingsFromEnvironment(environment);
  return {
    connectionStore: new DynamoConnectionStore(db, table('connections')),
    sessions: new DynamoSessionStore(db, table('sessions')),
    topicIndex: new DynamoTopicIndex(db, table('topicIndex')),
    lookup: new DynamoLookup(db, table('connections'), table('topicIndex'), table('sessions')),
    retained: new DynamoRetainedStore(db, table('retained'), settings.maxRetained, now),
    inflight: new DynamoInflightStore(db, dynamoDb(environment, 1), table('inflight'), now),
    deadlines: new DynamoDeadlineStore(db, table('deadlines')),
    connections: new GatewayConnections(gateway, poster(environment, gateway)),
    packets: new SqsPacketQueue(sqs, queue('packets'), now),
    timers: new SqsTimerQueue(sqs, queue('timer')),
    fanOut: new SqsFanOutQueue(sqs, queue('fanOut')),
    access: assembleAccess(
      unpackAccess(environment[accessVariable]),
      new DynamoAccountStore(db, table('accounts'), log),
      { now, log, maxConnectionsPerUser: settings.maxConnectionsPerUser },
    ),
    seats: new DynamoSeats(db, table('accounts')),
    now,
    log,
  };
}

function dynamoDb(environment: NodeJS.ProcessEnv, maxAttempts: number): DynamoDb {
  if (settingsFromEnvironment(environment).awsClients === 'sdk') return new DynamoDBClient({ maxAttempts });
  const region = environment.AWS_REGION ?? '';
  const endpoint = environment.AWS_ENDPOINT_URL_DYNAMODB ?? `https://dynamodb.${region}.${domainOf(region)}`;
  return new LeanDynamoDb({ endpoint, region, credentials: credentialsOf(environment), maxAttempts });
}

/** China's Regions are under a domain of their own. */
function domainOf(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
}

function poster(environment: NodeJS.ProcessEnv, gateway: ApiGatewayManagementApiClient): Poster {
  const callback = environment[callbackVariable];
  const lean = settingsFromEnvironment(environment).awsClients === 'lean';
  return lean && callback
    ? new LeanPoster(callback, environment.AWS_REGION ?? '', credentialsOf(environment))
    : new SdkPoster(gateway);
}

/** Lambda gives each container credentials for its lifetime. */
function credentialsOf(environment: NodeJS.ProcessEnv): Credentials {
  return {
    accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
    sessionToken: environment.AWS_SESSION_TOKEN,
  };
}

const log: Log = (event, fields) => console.log(JSON.stringify({ event, ...fields }));
