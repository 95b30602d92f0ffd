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

  it('breaks no rule of AWS Solutions without a written reason', () => {
    expect(new AwsSolutionsChecks().validateScope(stack).violations).toEqual([]);
  });
});

interface Fault {
  readonly rule: keyof typeof rules;
  /** Of the resource that has it. */
  readonly type: string;
  /** What is otherwise about its properties. */
  readonly fault: Record<string, unknown>;
}

const open = { Statement: [{ Effect: 'Allow', Action: 'sqs:*', Resource: '*', Principal: '*' }] };

/** One fault each. A rule that overlooks it is no rule. */
const faults: readonly Fault[] = [
  {
    rule: 'a function has memory, a timeout, a log group and a role of its own',
    type: 'AWS::Lambda::Function',
    fault: { Timeout: undefined },
  },
  { rule: 'a log group has an end', type: 'AWS::Logs::LogGroup', fault: { RetentionInDays: undefined } },
  {
    rule: 'no role has more than policies of its own',
    type: 'AWS::IAM::Role',
    fault: { ManagedPolicyArns: ['AdministratorAccess'] },
  },
  {
    rule: 'a role is for a service, and from outside of the stack only for this account',
    type: 'AWS::IAM::Role',
    fault: { AssumeRolePolicyDocument: { Statement: [{ Principal: { Service: 'scheduler.amazonaws.com' } }] } },
  },
  {
    rule: 'a grant names actions and resources',
    type: 'AWS::IAM::Policy',
    fault: { PolicyDocument: { Statement: [{ Action: 'sqs:*', Resource: 'queue' }] } },
  },
  { rule: 'nobody else is let in', type: 'AWS::SQS::QueuePolicy', fault: { PolicyDocument: open } },
  { rule: 'a function is invoked by named sources', type: 'AWS::Lambda::Permission', fault: { SourceArn: undefined } },
  {
    rule: 'a route asks who calls, but for those of MQTT',
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
    rule: 'a queue and a topic refuse what is not encrypted on the way',
    type: 'AWS::SQS::QueuePolicy',
    fault: { PolicyDocument: open },
  },
  { rule: 'a table can be restored', type: 'AWS::DynamoDB::Table', fault: { PointInTimeRecoverySpecification: {} } },
  {
    rule: 'a queue hides a message for six times as long as its consumer may take',
    type: 'AWS::Lambda::Function',
    fault: { Timeout: 900 },
  },
  {
    rule: 'a consumer gives back single messages',
    type: 'AWS::Lambda::EventSourceMapping',
    fault: { FunctionResponseTypes: undefined },
  },
  {
    rule: 'what a queue cannot get rid of becomes a dead letter, kept for longer',
    type: 'AWS::SQS::Queue',
    fault: { RedrivePolicy: undefined },
  },
  {
    rule: 'a function that is invoked without being waited for keeps what failed',
    type: 'AWS::Lambda::EventInvokeConfig',
    fault: { DestinationConfig: undefined },
  },
  {
    rule: 'a schedule and a rule keep what they could not hand over',
    type: 'AWS::Scheduler::Schedule',
    fault: { Target: {} },
  },
  { rule: 'dead letters raise an alarm', type: 'AWS::CloudWatch::Alarm', fault: { MetricName: 'Errors' } },
  {
    rule: 'nothing has a name that a second one of it could not have',
    type: 'AWS::DynamoDB::Table',
    fault: { TableName: 'sessions' },
  },
  {
    rule: 'an ARN is of the partition of the stack, and an address of its domain',
    type: 'AWS::Lambda::Function',
    fault: { Environment: { Variables: { CALLBACK_URL: 'https://a1.execute-api.eu-west-1.amazonaws.com/mqtt' } } },
  },
  { rule: 'what is referred to is there', type: 'AWS::Lambda::Function', fault: { Role: { Ref: 'Nobody' } } },
  {
    rule: 'CloudFormation, IAM and Lambda have room for it',
    type: 'AWS::IAM::Policy',
    fault: { PolicyDocument: { Statement: ['x'.repeat(10_240)] } },
  },
];

describe('the review', () => {
  const reviewed = resourcesIn(stacks['with every option']);

  it.each(faults)('notices $fault where $rule', ({ rule, type, fault }) => {
    const ids = Object.keys(reviewed).filter((id) => reviewed[id]?.Type === type);

    const noticed = ids.filter((id) => rules[rule]?.(planted(reviewed, id, fault)).length);

    expect(noticed.length).toBeGreaterThan(0);
  });

  it('has noticed a fault by each of its rules', () => {
    expect([...new Set(faults.map(({ rule }) => rule))].sort()).toEqual(Object.keys(rules).sort());
  });
});

function planted(resources: Resources, id: string, fault: Record<string, unknown>): Resources {
  const resource = resources[id]!;
  return { ...resources, [id]: { ...resource, Properties: { ...resource.Properties, ...fault } } };
}
