import { describe, expect, it } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { acknowledgedRules, createStack, readable, resourcesOf, synthesize } from './synthesize';

const stack = createStack();
const template = Template.fromStack(stack);

describe('the stack', () => {
  it('acknowledges only the findings that are listed here', () => {
    expect(acknowledgedRules(stack)).toEqual([
      'AccountLogRole/Role AwsSolutions-IAM4',
      'Gateway/Api/$connect-Route AwsSolutions-APIG4',
      'Gateway/Api/$default-Route AwsSolutions-APIG4',
      'Gateway/Api/$disconnect-Route AwsSolutions-APIG4',
      'OnApi AwsSolutions-IAM5',
      'OnFanOut AwsSolutions-IAM5',
      'OnPackets AwsSolutions-IAM5',
      'OnTimer AwsSolutions-IAM5',
      'Schedule/DeadLetters AwsSolutions-SQS3',
    ]);
  });

  it('outputs addresses, tables and queues', () => {
    const outputs = Object.entries(template.toJSON().Outputs as Record<string, { Value: unknown }>);

    expect(Object.fromEntries(outputs.map(([name, { Value }]) => [name, readable(Value)]))).toEqual({
      BrokerUrl: 'wss://GatewayApi.execute-api.AWS::Region.AWS::URLSuffix/mqtt',
      CallbackUrl: 'https://GatewayApi.execute-api.AWS::Region.AWS::URLSuffix/mqtt',
      ApiUrl: 'https://Api.execute-api.AWS::Region.AWS::URLSuffix/api',
      ConnectionsTable: 'TablesConnections',
      SessionsTable: 'TablesSessions',
      TopicIndexTable: 'TablesTopicIndex',
      RetainedTable: 'TablesRetained',
      InflightTable: 'TablesInflight',
      AccountsTable: 'TablesAccounts',
      LoginsTable: 'TablesLogins',
      PacketsQueueUrl: 'PacketsQueue',
      FanOutQueueUrl: 'FanOutQueue',
      TimerQueueUrl: 'TimerQueue',
      PacketsDeadLettersUrl: 'PacketsDeadLetters',
      FanOutDeadLettersUrl: 'FanOutDeadLetters',
      TimerDeadLettersUrl: 'TimerDeadLetters',
    });
  });
});

describe('what the stack may hold', () => {
  const resources = Object.values<{ Type: string; Properties?: Record<string, unknown> }>(template.toJSON().Resources);

  it('has no secret: no resource that stores one, no parameter that takes one', () => {
    const { Parameters = {} } = template.toJSON();
    const keepers = resources.filter(({ Type }) => /Secret|SSM::Parameter|IAM::(User|AccessKey)|ApiKey|KMS/.test(Type));
    const asked = Object.keys(Parameters).filter((name) => name !== 'BootstrapVersion');

    expect(keepers).toEqual([]);
    expect(asked).toEqual([]);
  });
});

describe('what is deployed already', () => {
  it('keeps the logical ids of its tables, because CloudFormation replaces tables with new ids', () => {
    expect(Object.keys(template.findResources('AWS::DynamoDB::Table')).sort()).toEqual([
      'TablesAccounts2D520C9A',
      'TablesConnectionsF6D675B1',
      'TablesInflight441636F6',
      'TablesLogins84BBDC05',
      'TablesRetainedFC0689EE',
      'TablesSessions486350CB',
      'TablesTopicIndex0DA1CE90',
    ]);
  });
});

describe('the log role of the account', () => {
  it('is set before the stage that needs it, and is retained', () => {
    const [stage] = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Stage'));
    const [accountId] = Object.keys(template.findResources('AWS::ApiGateway::Account'));
    const { AccountLogRoleAccount: account } = resourcesOf(template, 'AWS::ApiGateway::Account');
    const { AccountLogRole: role } = resourcesOf(template, 'AWS::IAM::Role');

    expect(stage!.DependsOn).toContain(accountId);
    expect(account!.DeletionPolicy).toBe('Retain');
    expect(role!.DeletionPolicy).toBe('Retain');
  });

  it('is not created with accountLogRole keep', () => {
    const keeping = synthesize({ accountLogRole: 'keep' });

    keeping.resourceCountIs('AWS::ApiGateway::Account', 0);
  });
});
