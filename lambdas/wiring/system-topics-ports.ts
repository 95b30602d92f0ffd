import type { SessionCounter } from '../broker/ports/directories';
import type { Ports } from '../broker/ports/ports';
import { settingsFromEnvironment } from '../settings';
import { DynamoSessionCounter } from '../storage/session-counter';
import { clientsFor } from './clients';
import { metricsFor, tableIn } from './environment';
import { portsFromEnvironment } from './ports-from-env';

/** The ports of who tells `$SYS` topics: those of the broker, and what counts. */
export function systemTopicsPorts(environment: NodeJS.ProcessEnv): Ports & { readonly census: SessionCounter } {
  const metrics = metricsFor(environment);
  const clients = clientsFor(environment, metrics);
  const ports = portsFromEnvironment(environment, metrics, clients);
  const tables = {
    sessions: tableIn(environment, 'sessions'),
    retained: tableIn(environment, 'retained'),
    countsRetained: settingsFromEnvironment(environment).maxRetained > 0,
  };
  return { ...ports, census: new DynamoSessionCounter(clients.db, tables, ports.now) };
}
