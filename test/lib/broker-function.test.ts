import { describe, expect, it } from '@jest/globals';
import {
  accessVariable,
  bridgeVariable,
  brokerVariable,
  callbackVariable,
  type FunctionName,
  functions,
  iotEndpointVariable,
  type QueueName,
  queues,
} from '../../lambdas/deployment';
import { type TableName, tables, tableVariable } from '../../lambdas/storage/schema';
import { constructId } from '../../lib/by-name';
import { bridgeFile, grantsOf, readable, resourcesOf, synthesize } from './synthesize';

const template = synthesize({
  onPacketsMemoryMb: 2048,
  queueLimit: 33,
  logRetentionDays: 7,
  sysTopicsMinutes: 5,
  bridgeFile,
});
const deployed = resourcesOf(template, 'AWS::Lambda::Function');

describe.each(Object.keys(functions) as FunctionName[])('function %s', (name) => {
  const id = constructId(name);
  const spec = functions[name];
  const lambda = deployed[`${id}Function`]!.Properties;
  const variables = lambda.Environment.Variables;
  const role = resourcesOf(template, 'AWS::IAM::Role')[`${id}Role`]!.Properties;

  it('runs on Node.js 24 on ARM, with its timeout and memory', () => {
    const memory = name === 'onPackets' ? 2048 : spec.memoryMb;

    expect(lambda).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'], Handler: 'index.handler' });
    expect(lambda).toMatchObject({ Timeout: spec.timeoutSeconds, MemorySize: memory });
  });

  it('has the grants of its description and no others', () => {
    expect(readable(lambda.Role)).toBe(`${id}Role.Arn`);
    expect(role.ManagedPolicyArns).toBeUndefined();
    expect(role.Policies).toBeUndefined();
    expect(grantsOf(template, `${id}Role`)).toEqual(describedGrants(name));
  });

  it('has variables for the tables and queues of its description and no others', () => {
    const reached = new Set<TableName>([...spec.reads, ...spec.writes]);
    const tableNames = [...reached].map((table) => [tableVariable(table), `Tables${constructId(table)}`]);
    const queueUrls = spec.sendsTo.map((queue) => [queues[queue].variable, `${constructId(queue)}Queue`]);
    const known = Object.entries(variables).filter(([variable]) => allVariables.includes(variable));

    expect(Object.fromEntries(known.map(([variable, value]) => [variable, readable(value)]))).toEqual(
      Object.fromEntries([...tableNames, ...queueUrls]),
    );
  });

  it('has no other variables, so none with a secret', () => {
    const others = Object.keys(variables).filter((variable) => !allVariables.includes(variable));
    const given = [
      'QUEUE_LIMIT',
      'SYS_TOPICS_MINUTES',
      ...(spec.connections.length > 0 ? [callbackVariable] : []),
      ...(spec.access ? [accessVariable] : []),
      ...(spec.bridge ? [bridgeVariable] : []),
      ...(spec.publishesToIot ? [iotEndpointVariable] : []),
      brokerVariable,
      'NODE_OPTIONS',
    ];

    expect(others.sort()).toEqual(given.sort());
  });

  it('has the callback URL only if it may use it', () => {
    const address = 'https://GatewayApi.execute-api.AWS::Region.AWS::URLSuffix/mqtt';

    if (spec.connections.length > 0) expect(readable(variables.CALLBACK_URL)).toBe(address);
    else expect(variables.CALLBACK_URL).toBeUndefined();
  });

  it('gets settings other than defaults, and source maps', () => {
    expect(variables).toMatchObject({ QUEUE_LIMIT: '33', NODE_OPTIONS: '--enable-source-maps' });
    expect(variables).not.toHaveProperty('MAX_SHAPES');
  });

  it('has a log group of its own, with the configured retention', () => {
    expect(readable(lambda.LoggingConfig.LogGroup)).toBe(`${id}Log`);
    expect(resourcesOf(template, 'AWS::Logs::LogGroup')[`${id}Log`]!.Properties.RetentionInDays).toBe(7);
  });

  it('is exempt from recursive loop detection if it consumes a queue', () => {
    const consumes = Object.values(queues).some((queue) => queue.consumer === name);

    expect(lambda.RecursiveLoop).toBe(consumes ? 'Allow' : 'Terminate');
  });
});

describe('the accounts', () => {
  const actions = {
    read: ['BatchGetItem', 'GetItem', 'Query'],
    write: ['BatchWriteItem', 'DeleteItem', 'PutItem', 'UpdateItem'],
  };
  const grants = (name: FunctionName, table: TableName) =>
    grantsOf(template, `${constructId(name)}Role`).filter((grant) => grant.includes(`Tables${constructId(table)}.`));
  const all = (kinds: readonly (keyof typeof actions)[], table: TableName) =>
    kinds.flatMap((kind) => actions[kind].map((action) => `dynamodb:${action} Tables${constructId(table)}.Arn`)).sort();

  it('are not readable by functions that do not authenticate', () => {
    for (const name of ['onConnect', 'onTimer', 'onSchedule'] as const) expect(grants(name, 'accounts')).toEqual([]);
  });

  it('are readable by functions that authenticate; no function may write or list them', () => {
    for (const name of ['onPackets', 'onFanOut', 'onBridgeIn', 'onApi', 'onSystemTopics'] as const) {
      expect(grants(name, 'accounts')).toEqual(all(['read'], 'accounts'));
    }
  });

  it('have their failed logins and connections in a table that only one function reaches', () => {
    const reaching = Object.keys(deployed).flatMap((id) => grantsOf(template, id.replace(/Function$/, 'Role')));

    expect(grants('onPackets', 'logins')).toEqual(all(['read', 'write'], 'logins'));
    expect(reaching.filter((grant) => grant.includes('TablesLogins')).sort()).toEqual(all(['read', 'write'], 'logins'));
  });
});

describe('concurrency reserved for handshakes', () => {
  const reserved = (of: typeof template) => {
    const all = Object.entries(resourcesOf(of, 'AWS::Lambda::Function'));
    return all.filter(([, { Properties }]) => 'ReservedConcurrentExecutions' in Properties);
  };

  it('is set by the option, for one function only', () => {
    const given = reserved(synthesize({ connectConcurrency: 5 }));

    expect(given).toMatchObject([['OnConnectFunction', { Properties: { ReservedConcurrentExecutions: 5 } }]]);
  });

  it('is none by default, because a new account has none to reserve', () => {
    expect(reserved(template)).toEqual([]);
  });
});

const allVariables = [
  ...(Object.keys(tables) as TableName[]).map(tableVariable),
  ...Object.values(queues).map((queue) => queue.variable),
];

const failedRunsOf: { readonly [Name in FunctionName]?: string[] } = {
  onSchedule: ['ScheduleDeadLetters.Arn'],
  onBridgeIn: ['BridgeInDeadLetters.Arn'],
  onSystemTopics: ['ScheduleDeadLetters.Arn'],
};

const topics = 'arn:AWS::Partition:iot:AWS::Region:AWS::AccountId:topic/home';
const topicGrants = [
  `iot:Publish ${topics}/sensors/*`,
  `iot:Publish ${topics}/status`,
  `iot:RetainPublish ${topics}/sensors/*`,
];

/** Returns the grants that the description of the function demands. */
function describedGrants(name: FunctionName): string[] {
  const { reads, writes, scans = [], sendsTo, connections, publishesToIot } = functions[name];
  const consumed = (Object.keys(queues) as QueueName[]).filter((queue) => queues[queue].consumer === name);
  const failedRuns = failedRunsOf[name] ?? [];
  const stage = 'arn:AWS::Partition:execute-api:AWS::Region:AWS::AccountId:GatewayApi/mqtt';
  return [
    ...pairs('logs', ['CreateLogStream', 'PutLogEvents'], [`${constructId(name)}Log.Arn`]),
    ...pairs('dynamodb', ['GetItem', 'BatchGetItem', 'Query'], reads.map(tableArn)),
    ...pairs('dynamodb', ['Scan'], scans.map(tableArn)),
    ...pairs('dynamodb', ['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem'], writes.map(tableArn)),
    ...pairs('sqs', ['SendMessage'], [...sendsTo.map(queueArn), ...failedRuns]),
    ...pairs('sqs', ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'], consumed.map(queueArn)),
    ...(publishesToIot ? topicGrants : []),
    ...connections.map((method) => `execute-api:ManageConnections ${stage}/${method}/@connections/*`),
  ].sort();
}

function pairs(service: string, actions: string[], resources: string[]): string[] {
  return actions.flatMap((action) => resources.map((resource) => `${service}:${action} ${resource}`));
}

function tableArn(name: TableName): string {
  return `Tables${constructId(name)}.Arn`;
}

function queueArn(name: QueueName): string {
  return `${constructId(name)}Queue.Arn`;
}
