import { Aws, type Duration, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deadLetterDefaults } from './broker-queue';

/** Runs functions at fixed intervals. A run older than one interval is dropped, because the next run does its work. */
export class Schedule extends Construct {
  /** Dead-letter queue for runs that could not be started or failed. */
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.deadLetters = new Queue(this, 'DeadLetters', deadLetterDefaults);
    Validations.of(this.deadLetters).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason:
        'is a dead-letter queue itself, of a schedule and of asynchronous invocations, which the rule does not check',
    });
  }

  /**
   * Invokes a function at an interval.
   *
   * @param name distinguishes the schedules of a broker; empty for the keep-alive sweep
   * @param interval whole minutes
   */
  run(name: string, target: Lambda, interval: Duration): void {
    this.sendFailedRunsToDeadLetters(target, interval);
    const role = new Role(this, `${name}Role`, {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } }, // excludes schedules of other accounts
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
    schedule.node.addDependency(role); // a schedule starts at once, and its role needs its policies by then
  }

  private sendFailedRunsToDeadLetters(target: Lambda, interval: Duration): void {
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
