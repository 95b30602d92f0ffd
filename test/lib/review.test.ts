import { describe, expect, it } from '@jest/globals';
import { AwsSolutionsChecks } from 'cdk-nag';
import { type Resources, review, rules } from './review';
import { createStack, everyOption, resourcesIn } from './synthesize';

const stacks = {
  'with its defaults': createStack(),
  'with every option': createStack(everyOption),
};

describe.each(Object.entries(stacks))('a stack %s', (_, stack) => {
  it('passes the review', () => {
    expect(review(resourcesIn(stack))).toEqual([]);
  });

  it('passes AWS Solutions checks, with acknowledged findings only', () => {
    expect(new AwsSolutionsChecks().validateScope(stack).violations).toEqual([]);
  });
});

interface Fault {
  readonly rule: keyof typeof rules;
  /** Type of the faulty resource. */
  readonly type: string;
  /** Properties that differ from a resource that passes. */
  readonly fault: Record<string, unknown>;
}

const open = { Statement: [{ Effect: 'Allow', Action: 'sqs:*', Resource: '*', Principal: '*' }] };

/** One fault for each rule, which the rule must report. */
const faults: readonly Fault[] = [
  {
    rule: 'a function has memory, a timeout, a log group and a role of its own',
    type: 'AWS::Lambda::Function',
    fault: { Timeout: undefined },
  },
  { rule: 'a log group has a retention', type: 'AWS::Logs::LogGroup', fault: { RetentionInDays: undefined } },
  {
    rule: 'a role has inline policies only',
    type: 'AWS::IAM::Role',
    fault: { ManagedPolicyArns: ['AdministratorAccess'] },
  },
  {
    rule: 'a role trusts a service, and one from outside of the stack only for this account',
    type: 'AWS::IAM::Role',
    fault: { AssumeRolePolicyDocument: { Statement: [{ Principal: { Service: 'scheduler.amazonaws.com' } }] } },
  },
  {
    rule: 'a grant names actions and resources',
    type: 'AWS::IAM::Policy',
    fault: { PolicyDocument: { Statement: [{ Action: 'sqs:*', Resource: 'queue' }] } },
  },
  { rule: 'a resource policy allows services only', type: 'AWS::SQS::QueuePolicy', fault: { PolicyDocument: open } },
  {
    rule: 'a function has permissions for named sources only',
    type: 'AWS::Lambda::Permission',
    fault: { SourceArn: undefined },
  },
  {
    rule: 'a route has an authorizer, except those of MQTT',
    type: 'AWS::ApiGatewayV2::Route',
    fault: { RouteKey: 'GET /clients', AuthorizationType: 'NONE' },
  },
  {
    rule: 'a stage has limits and an access log',
    type: 'AWS::ApiGatewayV2::Stage',
    fault: { AccessLogSettings: undefined },
  },
  { rule: 'a table and a queue are encrypted at rest', type: 'AWS::DynamoDB::Table', fault: { SSESpecification: {} } },
  {
    rule: 'a table and a queue are encrypted at rest',
    type: 'AWS::SQS::Queue',
    fault: { SqsManagedSseEnabled: false },
  },
  {
    rule: 'a queue and a topic refuse requests without TLS',
    type: 'AWS::SQS::QueuePolicy',
    fault: { PolicyDocument: open },
  },
  { rule: 'a table can be restored', type: 'AWS::DynamoDB::Table', fault: { PointInTimeRecoverySpecification: {} } },
  {
    rule: 'a queue has a visibility timeout of six times the timeout of its consumer',
    type: 'AWS::Lambda::Function',
    fault: { Timeout: 900 },
  },
  {
    rule: 'a consumer reports single failed messages',
    type: 'AWS::Lambda::EventSourceMapping',
    fault: { FunctionResponseTypes: undefined },
  },
  {
    rule: 'a queue has a dead-letter queue with a longer retention',
    type: 'AWS::SQS::Queue',
    fault: { RedrivePolicy: undefined },
  },
  {
    rule: 'a function that is invoked asynchronously has a destination for failures',
    type: 'AWS::Lambda::EventInvokeConfig',
    fault: { DestinationConfig: undefined },
  },
  {
    rule: 'a schedule and a rule have a destination for failures',
    type: 'AWS::Scheduler::Schedule',
    fault: { Target: {} },
  },
  { rule: 'dead letters raise an alarm', type: 'AWS::CloudWatch::Alarm', fault: { MetricName: 'Errors' } },
  {
    rule: 'a resource has no physical name that a second stack would need too',
    type: 'AWS::DynamoDB::Table',
    fault: { TableName: 'sessions' },
  },
  {
    rule: 'an ARN uses the partition of the stack, and an address its domain',
    type: 'AWS::Lambda::Function',
    fault: { Environment: { Variables: { CALLBACK_URL: 'https://a1.execute-api.eu-west-1.amazonaws.com/mqtt' } } },
  },
  { rule: 'a reference has a target', type: 'AWS::Lambda::Function', fault: { Role: { Ref: 'Nobody' } } },
  {
    rule: 'the template is within the limits of CloudFormation, IAM and Lambda',
    type: 'AWS::IAM::Policy',
    fault: { PolicyDocument: { Statement: ['x'.repeat(10_240)] } },
  },
];

describe('the review', () => {
  const reviewed = resourcesIn(stacks['with every option']);

  it.each(faults)('reports $fault against: $rule', ({ rule, type, fault }) => {
    const ids = Object.keys(reviewed).filter((id) => reviewed[id]?.Type === type);

    const noticed = ids.filter((id) => rules[rule]?.(planted(reviewed, id, fault)).length);

    expect(noticed.length).toBeGreaterThan(0);
  });

  it('has a fault for each of its rules', () => {
    expect([...new Set(faults.map(({ rule }) => rule))].sort()).toEqual(Object.keys(rules).sort());
  });
});

function planted(resources: Resources, id: string, fault: Record<string, unknown>): Resources {
  const resource = resources[id]!;
  return { ...resources, [id]: { ...resource, Properties: { ...resource.Properties, ...fault } } };
}
