import type { HandshakePorts } from '../broker/connect/handshake';
import { DynamoPendingConnections } from '../storage/pending-connections';
import { SqsTimerQueue } from '../transport/timer-queue';
import { itemWriterFor, sqsFor } from './clients';
import { log, metricsFor, queueIn, tableIn } from './environment';

/** The ports of the handshake. A client waits for its container to start, so nothing else is loaded. */
export function handshakePorts(environment: NodeJS.ProcessEnv): HandshakePorts {
  const metrics = metricsFor(environment);
  const db = itemWriterFor(environment, metrics);
  return {
    connectionStore: new DynamoPendingConnections(db, tableIn(environment, 'connections')),
    timers: new SqsTimerQueue(sqsFor(environment, metrics), queueIn(environment, 'timer')),
    now: () => Date.now(),
    log,
    metrics,
  };
}
