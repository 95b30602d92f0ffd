import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { readBridgeFile } from '../../lambdas/bridge/bridge-file';
import { unpackBridge } from '../../lambdas/bridge/read-bridge';
import { rulesOf } from '../../lambdas/bridge/rules';
import { Rule } from '../../local/iot/rule';
import { acknowledgedRules, bridgeFile, createStack, grantsOf, readable, resourcesOf, synthesize } from './synthesize';

const folder = mkdtempSync(join(tmpdir(), 'cirrus-bridge-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(bridge: unknown): string {
  const path = join(folder, 'bridge.json');
  writeFileSync(path, JSON.stringify(bridge));
  return path;
}

const stack = createStack({ bridgeFile });
const template = Template.fromStack(stack);

describe('a stack without a bridge', () => {
  const bare = synthesize();

  it('has no resource of a bridge', () => {
    const resources = Object.keys(bare.toJSON().Resources).filter((id) => /Bridge|Iot/.test(id));
    const lambdas = Object.values(resourcesOf(bare, 'AWS::Lambda::Function'));

    expect(resources).toEqual([]);
    expect(lambdas.filter(({ Properties }) => 'BRIDGE' in Properties.Environment.Variables)).toEqual([]);
    expect(grantsOf(bare, 'OnPacketsRole').filter((grant) => /Bridge/.test(grant))).toEqual([]);
  });
});

describe('a stack with a bridge', () => {
  it('acknowledges findings of topics with wildcards, and of an action without resources in IAM', () => {
    const usual = acknowledgedRules(createStack());

    expect(acknowledgedRules(stack).filter((rule) => !usual.includes(rule))).toEqual([
      'IotBridge/Endpoint/Role AwsSolutions-IAM5',
      'OnBridgeIn AwsSolutions-IAM5',
      'OnBridgeOut AwsSolutions-IAM5',
    ]);
  });

  it('configures its functions with the entries and the name of the broker', () => {
    const lambdas = resourcesOf(template, 'AWS::Lambda::Function');
    const { BRIDGE, AWS_ENDPOINT_URL_IOT_DATA_PLANE: endpoint } =
      lambdas.OnBridgeOutFunction!.Properties.Environment.Variables;

    expect(unpackBridge(BRIDGE)).toEqual({ broker: 'cirrus-mqtt', ...readBridgeFile(bridgeFile) });
    expect(readable(endpoint)).toBe('https://IotBridgeEndpointQuestion.endpointAddress');
  });

  it('looks up the data endpoint of the account once, at deployment', () => {
    const [question] = Object.values(resourcesOf(template, 'Custom::AWS'));

    expect(JSON.parse(question!.Properties.Create)).toMatchObject({
      action: 'DescribeEndpoint',
      parameters: { endpointType: 'iot:Data-ATS' },
    });
    expect(grantsOf(template, 'IotBridgeEndpointRole')).toContain('iot:DescribeEndpoint *');
  });

  it('has a topic rule for each filter, whose SQL the local cloud understands', () => {
    const rules = Object.values(resourcesOf(template, 'AWS::IoT::TopicRule'));
    const sqls = rules.map(({ Properties }) => Properties.TopicRulePayload.Sql);

    expect(sqls).toEqual(rulesOf(readBridgeFile(bridgeFile)).map(({ sql }) => sql));
    expect(sqls).toHaveLength(2);
    for (const sql of sqls) expect(() => new Rule(sql)).not.toThrow();
  });

  it('allows only these rules of this account to invoke the function', () => {
    const permissions = Object.values(resourcesOf(template, 'AWS::Lambda::Permission'))
      .map(({ Properties }) => Properties)
      .filter(({ Principal }) => Principal === 'iot.amazonaws.com');

    expect(permissions.map(({ SourceArn, SourceAccount }) => [readable(SourceArn), readable(SourceAccount)])).toEqual([
      [expect.stringMatching(/^IotBridgeRule1/), 'AWS::AccountId'],
      [expect.stringMatching(/^IotBridgeRule2/), 'AWS::AccountId'],
    ]);
  });

  it('moves messages to dead letters if the rule or the function fails', () => {
    const [invoke] = Object.values(resourcesOf(template, 'AWS::Lambda::EventInvokeConfig')).filter(
      ({ Properties }) => readable(Properties.FunctionName) === 'OnBridgeInFunction',
    );
    const rules = Object.values(resourcesOf(template, 'AWS::IoT::TopicRule'));

    expect(invoke!.Properties.MaximumRetryAttempts).toBe(2);
    expect(readable(invoke!.Properties.DestinationConfig.OnFailure.Destination)).toBe('BridgeInDeadLetters.Arn');
    for (const { Properties } of rules)
      expect(readable(Properties.TopicRulePayload.ErrorAction.Sqs.QueueUrl)).toBe('BridgeInDeadLetters');
    expect(grantsOf(template, 'IotBridgeRuleRole')).toEqual(['sqs:SendMessage BridgeInDeadLetters.Arn']);
  });

  it('raises an alarm on dead letters', () => {
    const alarms = Object.keys(resourcesOf(template, 'AWS::CloudWatch::Alarm'));

    expect(alarms).toEqual(expect.arrayContaining(['AlarmsbridgeDeadLetters', 'AlarmsbridgeInDeadLetters']));
  });

  it('escapes wildcards of IAM as policy variables', () => {
    const odd = { direction: 'out', filter: 'what?/*/+' };
    const grants = grantsOf(synthesize({ bridgeFile: write({ entries: [odd] }) }), 'OnBridgeOutRole');

    expect(grants).toContainEqual(expect.stringMatching(/^iot:Publish .*:topic\/what\$\{\?\}\/\$\{\*\}\/\*$/));
  });

  it('is refused if the file is invalid or too large', () => {
    const entry = { direction: 'sideways', filter: 'a' };
    expect(() => synthesize({ bridgeFile: write({ entries: [entry] }) })).toThrow('bridge.json.entries[0].direction');
    const random = (index: number) =>
      [1, 2, 3]
        .map((part) =>
          Math.sin(index * 3 + part)
            .toString(36)
            .slice(3),
        )
        .join('/');
    const entries = Array.from({ length: 100 }, (_, index) => ({ direction: 'out', filter: random(index) }));
    expect(() => synthesize({ bridgeFile: write({ entries }) })).toThrow(/bytes when packed/);
  });
});
