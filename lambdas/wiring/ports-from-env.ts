import { assembleAccess } from '../access/assemble';
import { unpackAccess } from '../access/read-access';
import type { Sqs } from '../aws/sqs';
import { DebugClientList, debugAll } from '../broker/observability/debug-clients';
import type { DebugClientStore, DebugClients } from '../broker/ports/debug-clients';
import { type Events, noEvents } from '../broker/ports/events';
import type { Ports } from '../broker/ports/ports';
import { accessVariable, eventsVariable } from '../deployment';
import { eventConfigIn } from '../events/event-config';
import { type Settings, settingsFromEnvironment } from '../settings';
import { DynamoAccountSessions } from '../storage/account-sessions';
import { DynamoAccountStore } from '../storage/account-store';
import { DynamoUsages } from '../storage/account-usage';
import { DynamoBindings, seenPartitions } from '../storage/bindings';
import { CombinedBindings } from '../storage/combined-bindings';
import { DynamoConnectionLimiter } from '../storage/connection-limiter';
import { DynamoDebugClients } from '../storage/debug-clients';
import { DynamoInflightStore } from '../storage/inflight-store';
import { DynamoLoginStore } from '../storage/login-store';
import { DynamoLookup } from '../storage/lookup';
import type { RetainedLimits } from '../storage/retained-count';
import { DynamoRetainedStore } from '../storage/retained-store';
import type { TableName } from '../storage/schema';
import { DynamoSessionStore } from '../storage/session-store';
import { SqsEvents } from '../transport/event-queue';
import { SqsFanOutQueue } from '../transport/fan-out-queue';
import { bridgeQueueFor } from './bridge';
import { clientsFor, singleAttemptDynamoDbFor } from './clients';
import { metricsFor, queueIn, tableIn } from './environment';
import { shapePorts } from './shape-ports';
import { sweepPorts } from './sweep-ports';

/** The ports of this container, from its environment. A container calls it once, when it starts. */
export function portsFromEnvironment(
  environment: NodeJS.ProcessEnv,
  metrics = metricsFor(environment),
  clients = clientsFor(environment, metrics),
): Ports {
  const { db, sqs } = clients;
  const shared = sweepPorts(environment, metrics, clients);
  const { now, log } = shared;
  const table = (name: TableName) => tableIn(environment, name);
  const settings = settingsFromEnvironment(environment);
  const bindings = new CombinedBindings(
    new DynamoBindings(db, table('accounts')),
    new DynamoBindings(db, table('logins'), seenPartitions),
  );
  return {
    ...shared,
    ...shapePorts(environment, clients),
    sessions: new DynamoSessionStore(db, table('sessions')),
    lookup: new DynamoLookup(db, {
      connections: table('connections'),
      topicIndex: table('topicIndex'),
      sessions: table('sessions'),
    }),
    retained: new DynamoRetainedStore(db, table('retained'), { limits: retainedLimits(settings), now }),
    inflight: new DynamoInflightStore({
      db,
      dbWithoutRetries: singleAttemptDynamoDbFor(environment, metrics),
      table: table('inflight'),
      now,
    }),
    fanOut: new SqsFanOutQueue(sqs, queueIn(environment, 'fanOut')),
    ...bridgeQueueFor(environment, sqs),
    access: assembleAccess(
      unpackAccess(environment[accessVariable]),
      {
        accounts: new DynamoAccountStore(db, table('accounts'), log),
        logins: new DynamoLoginStore(db, { accounts: table('accounts'), logins: table('logins') }, log),
      },
      { bindings, now, log, maxConnectionsPerUser: settings.maxConnectionsPerUser },
    ),
    events: eventsFor(environment, sqs, shared),
    debugClients: debugClientsFor(settings, new DynamoDebugClients(db, table('accounts')), shared),
    accountSessions: new DynamoAccountSessions(db, table('sessions')),
    usages: new DynamoUsages(db, table('inflight')),
    connectionLimiter: new DynamoConnectionLimiter(db, table('logins')),
  };
}

function retainedLimits({ maxRetained, maxRetainedPerUser }: Settings): RetainedLimits {
  return { all: maxRetained, perAccount: maxRetainedPerUser };
}

function debugClientsFor(
  { logLevel }: Settings,
  store: DebugClientStore,
  { now, log }: Pick<Ports, 'now' | 'log'>,
): DebugClients {
  return logLevel === 'debug' ? debugAll : new DebugClientList(store, now, log);
}

function eventsFor(environment: NodeJS.ProcessEnv, sqs: Sqs, { log, metrics }: Pick<Ports, 'log' | 'metrics'>): Events {
  const config = eventConfigIn(environment[eventsVariable]);
  return config ? new SqsEvents({ config, sqs, url: queueIn(environment, 'timer'), log, metrics }) : noEvents;
}
