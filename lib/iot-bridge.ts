import { Aws, Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnTopicRule } from 'aws-cdk-lib/aws-iot';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type Bridge, isOutgoing, remoteFilter } from '../lambdas/bridge/bridge-config';
import { type RuleSpec, ruleSqlVersion, rulesOf } from '../lambdas/bridge/rules';
import { iotEndpointVariable } from '../lambdas/deployment';
import { acknowledgeWildcard } from './acknowledge-wildcard';
import type { BrokerFunction } from './broker-function';
import { IotEndpoint } from './iot-endpoint';

export interface IotBridgeProps {
  readonly bridge: Bridge;
  readonly onBridgeOut: BrokerFunction;
  readonly onBridgeIn: BrokerFunction;
  /** Dead-letter queue for messages from AWS IoT Core that could not be published. */
  readonly deadLetters: Queue;
  readonly logRetention: RetentionDays;
}

/** Connects the broker with AWS IoT Core: endpoint and grants for outgoing messages, topic rules for incoming ones. */
export class IotBridge extends Construct {
  readonly endpoint: IotEndpoint;
  private readonly props: IotBridgeProps;

  constructor(scope: Construct, id: string, props: IotBridgeProps) {
    super(scope, id);
    this.props = props;
    this.endpoint = IotEndpoint.of(this, { logRetention: props.logRetention });
    props.onBridgeOut.lambda.addEnvironment(iotEndpointVariable, this.endpoint.url);
    this.allowPublishing();
    this.sendFailedEventsToDeadLetters();
    const rules = rulesOf(props.bridge);
    if (rules.length > 0) this.createRules(rules);
  }

  private allowPublishing(): void {
    const outgoing = this.props.bridge.entries.filter(isOutgoing);
    this.allowTopics('iot:Publish', outgoing.map(remoteFilter));
    this.allowTopics('iot:RetainPublish', outgoing.filter(({ retain }) => retain).map(remoteFilter));
  }

  private allowTopics(action: string, filters: readonly string[]): void {
    if (filters.length === 0) return;
    const { lambda } = this.props.onBridgeOut;
    const resources = [...new Set(filters)].map((filter) => this.topicArn(filter));
    lambda.addToRolePolicy(new PolicyStatement({ effect: Effect.ALLOW, actions: [action], resources }));
    for (const resource of resources.filter((arn) => /(^|[^{])\*/.test(arn))) {
      acknowledgeWildcard(this.props.onBridgeOut, resource, 'topics of a bridge entry with a wildcard in its filter');
    }
  }

  private topicArn(filter: string): string {
    return Stack.of(this).formatArn({ service: 'iot', resource: 'topic', resourceName: iamPattern(filter) });
  }

  /** After three attempts Lambda moves an event to the dead-letter queue, from which an operator can redrive it. */
  private sendFailedEventsToDeadLetters(): void {
    const { lambda } = this.props.onBridgeIn;
    const { queueArn } = this.props.deadLetters;
    lambda.configureAsyncInvoke({ retryAttempts: 2, onFailure: { bind: () => ({ destination: queueArn }) } });
    lambda.addToRolePolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queueArn] }));
  }

  private createRules(rules: readonly RuleSpec[]): void {
    const { deadLetters } = this.props;
    const role = new Role(this, 'RuleRole', {
      assumedBy: new ServicePrincipal('iot.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    });
    role.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetters.queueArn] }));
    for (const [index, rule] of rules.entries()) this.createRule(`Rule${index + 1}`, rule, role);
  }

  /** Creates a topic rule and allows it to invoke the function. The principal alone would allow rules of every account. */
  private createRule(id: string, { filter, sql }: RuleSpec, role: Role): void {
    const { onBridgeIn, deadLetters, bridge } = this.props;
    const rule = new CfnTopicRule(this, id, {
      topicRulePayload: {
        description: `${bridge.broker}: ${filter}`,
        sql,
        awsIotSqlVersion: ruleSqlVersion,
        actions: [{ lambda: { functionArn: onBridgeIn.lambda.functionArn } }],
        errorAction: { sqs: { queueUrl: deadLetters.queueUrl, roleArn: role.roleArn, useBase64: false } },
      },
    });
    rule.node.addDependency(role);
    onBridgeIn.lambda.addPermission(id, {
      principal: new ServicePrincipal('iot.amazonaws.com'),
      sourceArn: rule.attrArn,
      sourceAccount: Aws.ACCOUNT_ID,
    });
  }
}

/** Translates a topic filter for IAM. Characters that are special only in IAM become policy variables. */
function iamPattern(filter: string): string {
  const levels = filter.replace(/[*?$]/g, (character) => `\${${character}}`).split('/');
  return levels.map((level) => (level === '+' || level === '#' ? '*' : level)).join('/');
}
