import type { Ports } from '../broker/ports/ports';
import { DynamoConnectionList } from '../storage/connection-list';
import { DynamoConnectionStore } from '../storage/connection-store';
import { GatewayConnections } from '../transport/gateway-connections';
import { SqsPacketQueue } from '../transport/packet-queue';
import { SqsTimerQueue } from '../transport/timer-queue';
import { type Clients, clientsFor } from './clients';
import { log, metricsFor, queueIn, tableIn } from './environment';

/** The ports of a sweep over the connections and of their timers. */
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
