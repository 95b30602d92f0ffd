import { Aws, type Duration, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deadLetterDefaults } from './broker-queue';

/** Runs functions at fixed intervals. A run that comes too late is dropped: the next one does its work. */
export class Schedule extends Construct {
  /** Runs that could not be started, and runs that failed. */
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.deadLetters = new Queue(this, 'DeadLetters', deadLetterDefaults);
    Validations.of(this.deadLetters).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason:
        'holds dead letters itself, of a schedule and of asynchronous invocations, which the rule does not look at',
    });
  }

  /** `name` tells the schedules of a broker apart, and is empty for the look at all connections. `interval`: whole minutes. */
  run(name: string, target: Lambda, interval: Duration): void {
    this.keepFailedRuns(target, interval);
    const role = new Role(this, `${name}Role`, {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } }, // nobody else's schedules
      }),
    });
    role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [target.functionArn] }));
    role.addToPolicy(this.allowDeadLetters());

    const schedule = new CfnSchedule(this, `${name}Schedule`, {
      scheduleExpression: ScheduleExpression.rate(interval).expressionString,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: target.functionArn,
        roleArn: role.roleArn,
        retryPolicy: { maximumRetryAttempts: 2, maximumEventAgeInSeconds: interval.toSeconds() },
        deadLetterConfig: { arn: this.deadLetters.queueArn },
      },
    });
    schedule.node.addDependency(role); // a schedule starts at once, and would find its role still without permissions
  }

  private keepFailedRuns(target: Lambda, interval: Duration): void {
    target.configureAsyncInvoke({
      retryAttempts: 0,
      maxEventAge: interval,
      onFailure: { bind: () => ({ destination: this.deadLetters.queueArn }) },
    });
    target.addToRolePolicy(this.allowDeadLetters());
  }

  private allowDeadLetters(): PolicyStatement {
    return new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [this.deadLetters.queueArn] });
  }
}
