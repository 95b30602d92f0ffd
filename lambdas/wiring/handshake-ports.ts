import { DynamoDbJson } from '../aws/lean/dynamodb-json';
import type { HandshakePorts } from '../broker/connect/handshake';
import { DynamoPendingConnections } from '../storage/pending-connections';
import { SqsTimerQueue } from '../transport/queues';
import { dynamoDbOptions, log, maxAttempts, metricsFor, queueIn, sqsFor, tableIn } from './environment';

/** The ports of the handshake: a client waits for its container to start, so nothing else may be loaded. */
export function handshakePorts(environment: NodeJS.ProcessEnv): HandshakePorts {
  const metrics = metricsFor(environment);
  const db = new DynamoDbJson(dynamoDbOptions(environment, maxAttempts, metrics));
  return {
    connectionStore: new DynamoPendingConnections(db, tableIn(environment, 'connections')),
    timers: new SqsTimerQueue(sqsFor(environment, metrics), queueIn(environment, 'timer')),
    now: () => Date.now(),
    log,
    metrics,
  };
}
