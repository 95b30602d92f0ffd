import type { ApiPorts } from '../api/api';
import { DynamoClientDirectory } from '../storage/client-directory';
import { DynamoRequestLedger } from '../storage/request-ledger';
import { DynamoRetainedDirectory } from '../storage/retained-directory';
import { clientsFor } from './clients';
import { metricsFor, tableIn } from './environment';
import { portsFromEnvironment } from './ports-from-env';

/** The ports of the API: those of the broker, and the directories, which scan whole tables. */
export function apiPorts(environment: NodeJS.ProcessEnv): ApiPorts {
  const metrics = metricsFor(environment);
  const clients = clientsFor(environment, metrics);
  const ports = portsFromEnvironment(environment, metrics, clients);
  return {
    ...ports,
    clients: new DynamoClientDirectory(clients.db, tableIn(environment, 'sessions')),
    retainedMessages: new DynamoRetainedDirectory(clients.db, tableIn(environment, 'retained')),
    requests: new DynamoRequestLedger(clients.db, tableIn(environment, 'inflight'), ports.now),
    describer: clients.connections,
  };
}
