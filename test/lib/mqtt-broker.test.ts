import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Rule } from 'aws-cdk-lib/aws-events';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { MqttBridge, MqttBroker, type MqttBrokerProps } from '../../lib';
import { bridgeFile, grantsOf, readable, resourcesOf } from './synthesize';

const folder = mkdtempSync(join(tmpdir(), 'cirrus-construct-'));
const eventsFile = join(folder, 'events.json');
writeFileSync(eventsFile, JSON.stringify({ bus: 'garden', lifecycle: true }));
afterAll(() => rmSync(folder, { recursive: true }));

/** Returns a stack of another app, without the feature flags of this project. */
function greenhouse(name = 'Greenhouse'): Stack {
  const context = { 'aws:cdk:bundling-stacks': [] };
  return new Stack(new App({ context, builtinCloudFormationValidation: false }), name);
}

function broker(props?: MqttBrokerProps): MqttBroker {
  return new MqttBroker(greenhouse(), 'Mqtt', props);
}

describe('MqttBridge', () => {
  it('is a deprecated alias of MqttBroker', () => {
    expect(MqttBridge).toBe(MqttBroker);
  });
});

describe('a broker in a stack of another app', () => {
  it('needs no options, and has an address', () => {
    const mqtt = broker();
    const resolved = (value: unknown) => readable(Stack.of(mqtt).resolve(value));

    expect(resolved(mqtt.url)).toBe('wss://MqttGatewayApi.execute-api.AWS::Region.AWS::URLSuffix/mqtt');
    expect(resolved(mqtt.apiUrl)).toBe('https://MqttApi.execute-api.AWS::Region.AWS::URLSuffix/api');
    expect([mqtt.iotEndpoint, mqtt.eventBus]).toEqual([undefined, undefined]);
  });

  it('is named for its path, in 40 characters', () => {
    expect(broker().brokerName).toMatch(/^Greenhouse-Mqtt-[0-9A-F]{8}$/);
    expect(new MqttBroker(greenhouse(`G${'o'.repeat(100)}`), 'Mqtt').brokerName).toMatch(/^Go+-?o*-Mqtt-[0-9A-F]{8}$/);
    expect(broker({ brokerName: 'garden' }).brokerName).toBe('garden');
  });

  it('accepts and refuses the same options as the stack', () => {
    expect(() => broker({ throttleRate: 0 })).toThrow(/^throttleRate is 0\b.*\b1 to 100000$/);
    expect(() => broker({ monthlyBudgetUsd: 9 })).toThrow(/^monthlyBudgetUsd\b.*\balarmEmail\b/);
    expect(() => broker({ speed: 7 } as MqttBrokerProps)).toThrow('"speed"');
    expect(() => broker({ stageName: undefined })).not.toThrow();
  });

  it('exposes tables, functions, queues, APIs and alarms of deployed parts', () => {
    const { tables, functions, queues, deadLetters, ...mqtt } = broker({ api: 'off' });

    expect(Object.keys(tables)).toContain('accounts');
    expect(Object.keys(functions)).toEqual(['onConnect', 'onPackets', 'onFanOut', 'onTimer', 'onSchedule']);
    expect(Object.keys(queues)).toEqual(['packets', 'fanOut', 'timer']);
    expect(Object.keys(deadLetters)).toEqual(['packets', 'fanOut', 'timer', 'schedule']);
    expect(mqtt.alarms.length).toBeGreaterThan(10);
    expect(mqtt.webSocketStage.api).toBe(mqtt.webSocketApi);
    expect([mqtt.httpApi, mqtt.httpStage]).toEqual([undefined, undefined]);
  });

  it('exposes its event bus to rules of the app', () => {
    const mqtt = broker({ eventsFile });

    new Rule(Stack.of(mqtt), 'Left', { eventBus: mqtt.eventBus, eventPattern: { source: ['cirrus-mqtt'] } });

    Template.fromStack(Stack.of(mqtt)).hasResourceProperties('AWS::Events::Rule', { EventBusName: 'garden' });
  });
});

describe('grants', () => {
  const stage = 'arn:AWS::Partition:execute-api:AWS::Region:AWS::AccountId:MqttApi/api';
  const given = (grant: (mqtt: MqttBroker, role: Role) => unknown) => {
    const mqtt = broker();
    const role = new Role(Stack.of(mqtt), 'Backend', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
    grant(mqtt, role);
    return grantsOf(Template.fromStack(Stack.of(mqtt)), 'Backend');
  };

  it('allow publishing and nothing else', () => {
    expect(given((mqtt, role) => mqtt.grantPublish(role))).toEqual([`execute-api:Invoke ${stage}/POST/messages`]);
  });

  it('allow reading and no changes', () => {
    expect(given((mqtt, role) => mqtt.grantRead(role))).toEqual(
      ['clients', 'clients/*', 'retained', 'retained/*'].map((path) => `execute-api:Invoke ${stage}/GET/${path}`),
    );
  });

  it('allow every operation', () => {
    expect(given((mqtt, role) => mqtt.grantManage(role)).map((grant) => grant.split('/api/')[1])).toEqual([
      'DELETE/clients/*',
      'DELETE/retained/*',
      'GET/clients',
      'GET/clients/*',
      'GET/retained',
      'GET/retained/*',
      'POST/clients/*/messages',
      'POST/messages',
    ]);
  });

  it('allow single operations', () => {
    expect(given((mqtt, role) => mqtt.grantInvoke(role, 'sendToClient'))).toEqual([
      `execute-api:Invoke ${stage}/POST/clients/*/messages`,
    ]);
  });

  it.each([
    [['sendToClients'], '"sendToClients"'],
    [[], '[]'],
  ])('of %j are refused with the existing names', (names, shown) => {
    expect(() => given((mqtt, role) => mqtt.grantInvoke(role, ...(names as never[])))).toThrow(
      new RegExp(`\\bpublish, .*${shown.replace(/\W/g, '\\$&')}$`),
    );
  });

  it('allow management of accounts', () => {
    const actions = ['DeleteItem', 'GetItem', 'PutItem', 'Scan'];

    expect(given((mqtt, role) => mqtt.grantManageAccounts(role))).toEqual(
      actions.map((action) => `dynamodb:${action} MqttTablesAccounts.Arn`),
    );
  });

  it('are refused without an API', () => {
    const mqtt = broker({ api: 'off', brokerName: 'garden' });
    const role = new Role(Stack.of(mqtt), 'Backend', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });

    expect(() => mqtt.grantPublish(role)).toThrow(/\bgarden is "off"/);
  });
});

describe('metrics', () => {
  it('are those of this broker', () => {
    const metric = broker({ brokerName: 'garden' }).metric('DeliveryLatency', { statistic: 'p95' });

    expect(metric).toMatchObject({ namespace: 'CirrusMqtt', metricName: 'DeliveryLatency', statistic: 'p95' });
    expect(metric.dimensions).toEqual({ Broker: 'garden' });
    expect(broker().metric('MessagesIn').statistic).toBe('Sum');
  });

  it('are refused if they are not emitted, because an alarm on them would never fire', () => {
    expect(() => broker().metric('WillLateness')).toThrow(/^metrics is "basic".*\ball\b.*WillLateness/);
    expect(() => broker({ metrics: 'off' }).metric('MessagesIn')).toThrow(
      /^metrics is "off".*\bbasic or all\b.*MessagesIn/,
    );
    expect(() => broker({ metrics: 'all' }).metric('WillLateness')).not.toThrow();
    expect(() => broker().metric('messagesIn' as never)).toThrow('"messagesIn"');
  });
});

describe('two brokers in one stack', () => {
  const stack = greenhouse();
  const [one, other] = ['One', 'Other'].map((id) => new MqttBroker(stack, id, { bridgeFile })) as [
    MqttBroker,
    MqttBroker,
  ];
  const template = Template.fromStack(stack);
  const resources = Object.values<{ Type: string; Properties?: Record<string, unknown> }>(template.toJSON().Resources);

  it('have different names by default', () => {
    const local = ['AWS::ApiGatewayV2::Stage', 'AWS::IAM::Policy']; // named within an API or a role
    const global = resources.filter(({ Type }) => !local.includes(Type));
    const named = global.flatMap(({ Type, Properties = {} }) => {
      const names = Object.entries(Properties).filter(
        ([key]) => key === 'Name' || key === `${Type.split('::')[2]}Name`,
      );
      return names.map(([, name]) => `${Type} ${readable(name)}`);
    });

    expect(named.sort()).toEqual([
      `AWS::ApiGatewayV2::Api ${one.brokerName}`,
      `AWS::ApiGatewayV2::Api ${one.brokerName}-api`,
      `AWS::ApiGatewayV2::Api ${other.brokerName}`,
      `AWS::ApiGatewayV2::Api ${other.brokerName}-api`,
      `AWS::CloudWatch::Dashboard ${one.brokerName}-AWS::Region`,
      `AWS::CloudWatch::Dashboard ${other.brokerName}-AWS::Region`,
    ]);
  });

  it('set the log role of the account once, and look up the endpoint of IoT Core once', () => {
    template.resourceCountIs('AWS::ApiGateway::Account', 1);
    template.resourceCountIs('Custom::AWS', 1);
    expect(other.iotEndpoint).toBe(one.iotEndpoint);
  });

  it('have no grants on each other', () => {
    const roles = Object.keys(resourcesOf(template, 'AWS::IAM::Role')).filter((id) => id.startsWith('One'));
    const reached = roles.flatMap((role) => grantsOf(template, role));

    expect(reached.length).toBeGreaterThan(50);
    expect(reached.filter((grant) => /\bOther/.test(grant))).toEqual([]);
  });

  it('must have different names', () => {
    const shared = greenhouse();
    new MqttBroker(shared, 'One', { brokerName: 'garden' });

    expect(() => new MqttBroker(shared, 'Other', { brokerName: 'garden' })).toThrow(
      /^brokerName is "garden".* Greenhouse\/One /,
    );
  });
});
