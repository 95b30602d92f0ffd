import type { LeftoverPorts } from '../broker/admin/leftovers';
import { DynamoStoredRows } from '../storage/stored-rows';
import { clientsFor } from './clients';
import { metricsFor, tableIn } from './environment';
import { shapePorts } from './shape-ports';
import { type SweepPortsWithStores, sweepPorts } from './sweep-ports';

/** The ports of the schedule: those of the sweep, and the tables that the daily removal of leftovers reads. */
export function leftoverPorts(environment: NodeJS.ProcessEnv): SweepPortsWithStores & LeftoverPorts {
  const metrics = metricsFor(environment);
  const clients = clientsFor(environment, metrics);
  const names = {
    connections: tableIn(environment, 'connections'),
    sessions: tableIn(environment, 'sessions'),
    topicIndex: tableIn(environment, 'topicIndex'),
    inflight: tableIn(environment, 'inflight'),
  };
  return {
    ...sweepPorts(environment, metrics, clients),
    ...shapePorts(environment, clients),
    rows: new DynamoStoredRows(clients.db, names),
  };
}
