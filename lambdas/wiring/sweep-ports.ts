import type { Ports } from '../broker/ports/ports';
import { DynamoConnectionList } from '../storage/connection-list';
import { DynamoConnectionStore } from '../storage/connection-store';
import { GatewayConnections } from '../transport/gateway-connections';
import { SqsPacketQueue, SqsTimerQueue } from '../transport/queues';
import { type Clients, clientsFor } from './clients';
import { log, metricsFor, queueIn, tableIn } from './environment';

/** Connections and queues: what there is to do for a connection whose client is silent. */
export type SweepPortsWithStores = Pick<
  Ports,
  'connectionStore' | 'connectionList' | 'connections' | 'packets' | 'timers' | 'now' | 'log' | 'metrics'
>;

export function sweepPorts(
  environment: NodeJS.ProcessEnv,
  metrics = metricsFor(environment),
  { db, sqs, connections }: Clients = clientsFor(environment, metrics),
): SweepPortsWithStores {
  const now = () => Date.now();
  return {
    connectionStore: new DynamoConnectionStore(db, tableIn(environment, 'connections')),
    connectionList: new DynamoConnectionList(db, tableIn(environment, 'connections')),
    connections: new GatewayConnections(connections, () => metrics.count('ThrottledCalls')),
    packets: new SqsPacketQueue(sqs, queueIn(environment, 'packets'), now),
    timers: new SqsTimerQueue(sqs, queueIn(environment, 'timer')),
    now,
    log,
    metrics,
  };
}
