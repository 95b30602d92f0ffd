import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Log, Ports } from './broker/ports';
import { callbackVariable, type QueueName, queues } from './deployment';
import { DynamoConnectionStore } from './storage/connections';
import { DynamoDeadlineStore } from './storage/deadlines';
import { DynamoInflightStore } from './storage/inflight';
import { DynamoLookup } from './storage/lookup';
import { DynamoRetainedStore } from './storage/retained';
import { type TableName, tableVariable } from './storage/schema';
import { DynamoSessionStore } from './storage/sessions';
import { DynamoTopicIndex } from './storage/topic-index';
import { GatewayConnections } from './transport/gateway-connections';
import { SqsFanOutQueue, SqsPacketQueue, SqsTimerQueue } from './transport/queues';

/** Attempts at one AWS call. DynamoDB and SQS throttle for moments; a longer outage is for the queue's redelivery. */
const maxAttempts = 5;

/**
 * The ports of this container, from its environment, once per cold start. A function that lacks a variable was not granted
 * what stands behind it, so each port complains only when it is used.
 */
export function portsFromEnvironment(environment: NodeJS.ProcessEnv): Ports {
  const common = { maxAttempts, cacheMiddleware: true };
  const db = new DynamoDBClient(common);
  const sqs = new SQSClient(common);
  const gateway = new ApiGatewayManagementApiClient({ ...common, endpoint: environment[callbackVariable] });
  const table = (name: TableName) => environment[tableVariable(name)] ?? `(no ${tableVariable(name)})`;
  const queue = (name: QueueName) => environment[queues[name].variable] ?? `(no ${queues[name].variable})`;
  const now = () => Date.now();
  return {
    connectionStore: new DynamoConnectionStore(db, table('connections')),
    sessions: new DynamoSessionStore(db, table('sessions')),
    topicIndex: new DynamoTopicIndex(db, table('topicIndex')),
    lookup: new DynamoLookup(db, table('topicIndex'), table('sessions')),
    retained: new DynamoRetainedStore(db, table('retained')),
    inflight: new DynamoInflightStore(db, table('inflight'), now),
    deadlines: new DynamoDeadlineStore(db, table('deadlines')),
    connections: new GatewayConnections(gateway),
    packets: new SqsPacketQueue(sqs, queue('packets'), now),
    timers: new SqsTimerQueue(sqs, queue('timer')),
    fanOut: new SqsFanOutQueue(sqs, queue('fanOut')),
    now,
    log,
  };
}

const log: Log = (event, fields) => console.log(JSON.stringify({ event, ...fields }));
