import { join } from 'node:path';
import { Aws, Duration, type RemovalPolicy } from 'aws-cdk-lib';
import { Alarm, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type BrakedStage, brakeVariable, connectMetric, type Throttle } from '../lambdas/deployment';
import { bundlingOptions, packageRoot } from './bundling';
import type { BrokerOptions } from './options';
import type { WebsocketGateway } from './websocket-gateway';

export interface BrakeProps {
  readonly options: BrokerOptions;
  readonly gateway: WebsocketGateway;
  readonly packets: Queue;
  /** SNS topic of the alarms. */
  readonly topic: ITopic;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** The brake is pulled when a rate exceeds its threshold in this many consecutive periods. */
const period = Duration.minutes(5);
const periods = 3;

/** A pulled brake divides each limit by this number. */
const divisor = 10;

/**
 * Lowers the throttling limits of the WebSocket stage when more than `brakePercent` of them was used for 15 minutes. CloudWatch bills
 * two metrics, one for each alarm. The function may update this stage and nothing else.
 */
export class Brake extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(
    scope: Construct,
    id: string,
    private readonly props: BrakeProps,
  ) {
    super(scope, id);
    const { options, gateway, packets } = props;
    const { connectRate, throttleRate } = options;
    const lambda = this.createLambda();
    const handshakes = gateway.stage.metric(connectMetric, { statistic: 'Sum', period });
    const frames = packets.metricNumberOfMessagesSent({ statistic: 'Sum', period });
    this.alarms = [
      this.createAlarm('Handshakes', { metric: handshakes, rate: connectRate, option: 'connectRate' }, lambda),
      this.createAlarm('Frames', { metric: frames, rate: throttleRate, option: 'throttleRate' }, lambda),
    ];
  }

  private createLambda(): Lambda {
    const { options, gateway, logRetention, removalPolicy } = this.props;
    const logGroup = new LogGroup(this, 'Log', { retention: logRetention, removalPolicy });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    const { apiId } = gateway.api;
    const { stageName } = options;
    const resource = `arn:${Aws.PARTITION}:apigateway:${Aws.REGION}::/apis/${apiId}/stages/${stageName}`;
    role.addToPolicy(new PolicyStatement({ actions: ['apigateway:PATCH'], resources: [resource] }));
    const limits: BrakedStage = { apiId, stageName, ...brakedLimits(options) };
    return new NodejsFunction(this, 'Function', {
      entry: join(packageRoot, 'lambdas/on-brake.ts'),
      projectRoot: packageRoot,
      depsLockFilePath: join(packageRoot, 'package.json'),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 128,
      timeout: Duration.seconds(20),
      role,
      logGroup,
      environment: { [brakeVariable]: JSON.stringify(limits), NODE_OPTIONS: '--enable-source-maps' },
      awsSdkConnectionReuse: false,
      bundling: bundlingOptions(options),
    });
  }

  private createAlarm(id: string, { metric, rate, option }: RateLimit, lambda: Lambda): Alarm {
    const { options, gateway, topic } = this.props;
    const { brakePercent } = options;
    const alarm = new Alarm(this, id, {
      metric,
      threshold: (rate * period.toSeconds() * brakePercent) / 100,
      evaluationPeriods: periods,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription:
        `More than ${brakePercent} % of ${option} was used for ${periods * period.toMinutes()} minutes. ` +
        `The brake has turned down the limits of the stage, so that this costs less. See docs/operations.md#the-brake. ` +
        `To undo it: ${undoCommand(gateway.api.apiId, options)}`,
    });
    lambda.addPermission(`${id}Alarm`, {
      principal: new ServicePrincipal('lambda.alarms.cloudwatch.amazonaws.com'),
      sourceArn: alarm.alarmArn,
      sourceAccount: Aws.ACCOUNT_ID,
    });
    // CDK's LambdaAction puts the name of the stack into the permission id of a second alarm, or fails without a feature flag.
    alarm.addAlarmAction(new SnsAction(topic), { bind: () => ({ alarmActionArn: lambda.functionArn }) });
    return alarm;
  }
}

interface RateLimit {
  readonly metric: IMetric;
  /** Limit per second. */
  readonly rate: number;
  /** Option that sets the limit. */
  readonly option: 'connectRate' | 'throttleRate';
}

function brakedLimits(options: BrokerOptions): Pick<BrakedStage, 'frames' | 'handshakes'> {
  return { frames: lowered(options.throttleRate), handshakes: lowered(options.connectRate) };
}

function lowered(rate: number): Throttle {
  const left = Math.max(1, Math.floor(rate / divisor));
  return { rate: left, burst: left };
}

/** Returns the command that restores the configured limits. CloudWatch allows 1,024 characters in a description. */
function undoCommand(apiId: string, options: BrokerOptions): string {
  const { stageName, throttleRate, throttleBurst, connectRate, connectBurst } = options;
  const settings = (rate: number, burst: number) =>
    `{"ThrottlingRateLimit":${rate},"ThrottlingBurstLimit":${burst},"DetailedMetricsEnabled":true}`;
  return [
    `aws apigatewayv2 update-stage --region ${Aws.REGION} --api-id ${apiId} --stage-name ${stageName}`,
    `--default-route-settings '${settings(throttleRate, throttleBurst)}'`,
    `--route-settings '{"$connect":${settings(connectRate, connectBurst)}}'`,
  ].join(' ');
}
