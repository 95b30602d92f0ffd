import { describe, expect, it } from '@jest/globals';
import { type FunctionName, functions, type QueueName, queues } from '../../lambdas/deployment';
import { type TableName, tables, tableVariable } from '../../lambdas/storage/schema';
import { constructId } from '../../lib/by-name';
import { grantsOf, readable, resourcesOf, synthesize } from './synthesize';

const template = synthesize({ onPacketsMemoryMb: 2048, queueLimit: 33, logRetentionDays: 7 });
const deployed = resourcesOf(template, 'AWS::Lambda::Function');

describe.each(Object.keys(functions) as FunctionName[])('function %s', (name) => {
  const id = constructId(name);
  const spec = functions[name];
  const lambda = deployed[`${id}Function`]!.Properties;
  const variables = lambda.Environment.Variables;
  const role = resourcesOf(template, 'AWS::IAM::Role')[`${id}Role`]!.Properties;

  it('runs on the current Node.js, on ARM, within its time and memory', () => {
    const memory = name === 'onPackets' ? 2048 : spec.memoryMb;

    expect(lambda).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'], Handler: 'index.handler' });
    expect(lambda).toMatchObject({ Timeout: spec.timeoutSeconds, MemorySize: memory });
  });

  it('may do what its description lists, on those resources, and nothing else', () => {
    expect(readable(lambda.Role)).toBe(`${id}Role.Arn`);
    expect(role.ManagedPolicyArns).toBeUndefined();
    expect(role.Policies).toBeUndefined();
    expect(grantsOf(template, `${id}Role`)).toEqual(describedGrants(name));
  });

  it('has no wildcard in its grants but the connection ids', () => {
    const connections = /^execute-api:ManageConnections .*\/mqtt\/[A-Z]+\/@connections\/\*$/;
    const wildcards = grantsOf(template, `${id}Role`).filter((grant) => grant.includes('*'));

    expect(wildcards.filter((grant) => !connections.test(grant))).toEqual([]);
  });

  it('knows the names of the tables and queues it may reach, and of no others', () => {
    const reached = new Set<TableName>([...spec.reads, ...spec.writes]);
    const tableNames = [...reached].map((table) => [tableVariable(table), `Tables${constructId(table)}`]);
    const queueUrls = spec.sendsTo.map((queue) => [queues[queue].variable, `${constructId(queue)}Queue`]);
    const known = Object.entries(variables).filter(([variable]) => allVariables.includes(variable));

    expect(Object.fromEntries(known.map(([variable, value]) => [variable, readable(value)]))).toEqual(
      Object.fromEntries([...tableNames, ...queueUrls]),
    );
  });

  it('knows the callback address only if it may use it', () => {
    const address = 'https://GatewayApi.execute-api.AWS::Region.AWS::URLSuffix/mqtt';

    if (spec.connections.length > 0) expect(readable(variables.CALLBACK_URL)).toBe(address);
    else expect(variables.CALLBACK_URL).toBeUndefined();
  });

  it('gets the settings, and source maps in its stack traces', () => {
    expect(variables).toMatchObject({ QUEUE_LIMIT: '33', MAX_SHAPES: '64', NODE_OPTIONS: '--enable-source-maps' });
  });

  it('logs to a group of its own, for as long as the operator wants', () => {
    expect(readable(lambda.LoggingConfig.LogGroup)).toBe(`${id}Log`);
    expect(resourcesOf(template, 'AWS::Logs::LogGroup')[`${id}Log`]!.Properties.RetentionInDays).toBe(7);
  });

  it('is not stopped as a runaway loop if it consumes a queue', () => {
    const consumes = Object.values(queues).some((queue) => queue.consumer === name);

    expect(lambda.RecursiveLoop).toBe(consumes ? 'Allow' : 'Terminate');
  });
});

const allVariables = [
  ...(Object.keys(tables) as TableName[]).map(tableVariable),
  ...Object.values(queues).map((queue) => queue.variable),
];

/** What the role must hold, from the description alone. */
function describedGrants(name: FunctionName): string[] {
  const { reads, writes, sendsTo, connections } = functions[name];
  const consumed = (Object.keys(queues) as QueueName[]).filter((queue) => queues[queue].consumer === name);
  const failedRuns = name === 'onSchedule' ? ['ScheduleDeadLetters.Arn'] : [];
  const stage = 'arn:AWS::Partition:execute-api:AWS::Region:AWS::AccountId:GatewayApi/mqtt';
  return [
    ...pairs('logs', ['CreateLogStream', 'PutLogEvents'], [`${constructId(name)}Log.Arn`]),
    ...pairs('dynamodb', ['GetItem', 'BatchGetItem', 'Query'], reads.map(tableArn)),
    ...pairs('dynamodb', ['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem'], writes.map(tableArn)),
    ...pairs('sqs', ['SendMessage'], [...sendsTo.map(queueArn), ...failedRuns]),
    ...pairs('sqs', ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'], consumed.map(queueArn)),
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
