import type { SessionCounter } from '../broker/ports/directories';
import type { Ports } from '../broker/ports/ports';
import { settingsFromEnvironment } from '../settings';
import { DynamoSessionCounter } from '../storage/session-counter';
import { clientsFor } from './clients';
import { metricsFor, tableIn } from './environment';
import { portsFromEnvironment } from './ports-from-env';

/** The ports of the publisher of `$SYS` topics: those of the broker, and the counter of sessions. */
export function systemTopicsPorts(environment: NodeJS.ProcessEnv): Ports & { readonly sessionCounter: SessionCounter } {
  const metrics = metricsFor(environment);
  const clients = clientsFor(environment, metrics);
  const ports = portsFromEnvironment(environment, metrics, clients);
  const tables = {
    sessions: tableIn(environment, 'sessions'),
    retained: tableIn(environment, 'retained'),
    countsRetained: settingsFromEnvironment(environment).maxRetained > 0,
  };
  return { ...ports, sessionCounter: new DynamoSessionCounter(clients.db, tables, ports.now) };
}
