import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import type { Template } from 'aws-cdk-lib/assertions';
import { alarmMetrics } from '../../cli/pricing/broker-bill';
import { MonthlyBudget } from '../../lib/monthly-budget';
import { bridgeFile, readable, resourcesOf, synthesize } from './synthesize';

const costs = readFileSync(join(__dirname, '../../docs/cost.md'), 'utf8');
const template = synthesize();
const written = synthesize({ alarmEmail: 'me@example.org', monthlyBudgetUsd: 20 });

const alarmsOf = (of: Template) => Object.values(resourcesOf(of, 'AWS::CloudWatch::Alarm'));

/** Returns the metrics of an alarm: one metric, or the sum of several. */
function watchedBy({ Properties }: ReturnType<typeof alarmsOf>[number]): string[] {
  if (Properties.MetricName) return [`${readable(Properties.Dimensions[0].Value)} ${Properties.MetricName}`];
  const metrics = (
    Properties.Metrics as { MetricStat?: { Metric: { MetricName: string; Dimensions: [{ Value: unknown }] } } }[]
  ).flatMap(({ MetricStat }) => MetricStat?.Metric ?? []);
  return metrics.map(({ MetricName, Dimensions: [{ Value }] }) => `${readable(Value)} ${MetricName}`);
}

describe('the alarms', () => {
  it('cover dead letters, tables, waiting packets and functions', () => {
    expect(alarmsOf(template).flatMap(watchedBy).sort()).toEqual([
      'FanOutDeadLetters.QueueName ApproximateNumberOfMessagesVisible',
      'OnApiFunction Errors',
      'OnConnectFunction Errors',
      'OnConnectFunction Throttles',
      'OnFanOutFunction Errors',
      'OnPacketsFunction Errors',
      'OnPacketsFunction Throttles',
      'OnScheduleFunction Errors',
      'OnTimerFunction Errors',
      'PacketsDeadLetters.QueueName ApproximateNumberOfMessagesVisible',
      'PacketsQueue.QueueName ApproximateAgeOfOldestMessage',
      'ScheduleDeadLetters.QueueName ApproximateNumberOfMessagesVisible',
      'TablesAccounts ReadThrottleEvents',
      'TablesConnections WriteThrottleEvents',
      'TablesInflight WriteThrottleEvents',
      'TablesRetained WriteThrottleEvents',
      'TablesSessions WriteThrottleEvents',
      'TablesTopicIndex ReadThrottleEvents',
      'TimerDeadLetters.QueueName ApproximateNumberOfMessagesVisible',
    ]);
  });

  it('are as many as docs/cost.md counts, each over at most ten metrics, the limit of CloudWatch', () => {
    const counts = [template, synthesize({ bridgeFile })].flatMap((of) => {
      const watched = alarmsOf(of).map((alarm) => watchedBy(alarm).length);
      expect(Math.max(...watched)).toBeLessThanOrEqual(10);
      return [watched.length, watched.reduce((sum, metrics) => sum + metrics)];
    });

    const [, ...documented] =
      /^\| alarms .* (\d+), which watch (\d+) metrics.* (\d+), which watch (\d+) /m.exec(costs) ?? [];
    expect(counts).toEqual(documented.map(Number));
    expect(counts[1]).toBe(alarmMetrics);
  });

  it('have a description', () => {
    for (const { Properties } of alarmsOf(template)) expect(Properties.AlarmDescription.length).toBeGreaterThan(10);
  });

  it('have no action without an address', () => {
    template.resourceCountIs('AWS::SNS::Topic', 0);
    template.resourceCountIs('AWS::Budgets::Budget', 0);
    for (const { Properties } of alarmsOf(template)) expect(Properties.AlarmActions).toBeUndefined();
  });

  it('all notify the address by an SNS topic that alarms may publish to', () => {
    const [subscription] = Object.values(resourcesOf(written, 'AWS::SNS::Subscription'));
    const [policy] = Object.values(resourcesOf(written, 'AWS::SNS::TopicPolicy'));

    expect(subscription?.Properties).toMatchObject({ Protocol: 'email', Endpoint: 'me@example.org' });
    for (const { Properties } of alarmsOf(written))
      expect(Properties.AlarmActions.map(readable)).toContain('AlarmsTopic');
    expect(policy?.Properties.PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({
        Effect: 'Allow',
        Action: 'sns:Publish',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
      }),
    );
  });
});

describe('the monthly budget', () => {
  it('notifies the address at 80 % and 100 % of actual and 100 % of forecasted cost', () => {
    const [budget] = Object.values(resourcesOf(written, 'AWS::Budgets::Budget'));
    const notifications = budget?.Properties.NotificationsWithSubscribers as {
      Notification: { NotificationType: string; Threshold: number };
      Subscribers: unknown[];
    }[];

    expect(budget?.Properties.Budget).toMatchObject({ BudgetLimit: { Amount: 20, Unit: 'USD' }, TimeUnit: 'MONTHLY' });
    expect(
      notifications.map(({ Notification: { NotificationType, Threshold } }) => [NotificationType, Threshold]),
    ).toEqual([
      ['ACTUAL', 80],
      ['ACTUAL', 100],
      ['FORECASTED', 100],
    ]);
    for (const { Subscribers } of notifications) {
      expect(Subscribers).toEqual([{ SubscriptionType: 'EMAIL', Address: 'me@example.org' }]);
    }
  });

  describe('in a Region', () => {
    const props = { brokerName: 'garage', dollars: 20, email: 'me@example.org' };
    const budgetIn = (region?: string) => () =>
      new MonthlyBudget(new Stack(new App(), 'Broker', { env: { region } }), 'Budget', props);
    const refusal = (region: string) => new RegExp(`^monthlyBudgetUsd is 20, but must be 0 in ${region}\\b`);

    // https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2177 and similar ones
    const without = [
      ...['af-south-1', 'ap-east-1', 'ap-east-2', 'ap-northeast-3', 'ap-south-2', 'ca-west-1', 'eu-central-2'],
      ...['ap-southeast-3', 'ap-southeast-4', 'ap-southeast-5', 'ap-southeast-6', 'ap-southeast-7', 'eu-north-1'],
      ...['eu-south-1', 'eu-south-2', 'il-central-1', 'me-central-1', 'mx-central-1', 'us-gov-east-1', 'us-gov-west-1'],
    ];
    it.each(without)('is refused where CloudFormation does not support budgets: %s', (region) => {
      expect(budgetIn(region)).toThrow(refusal(region));
    });

    it('is refused in an unknown Region', () => {
      expect(budgetIn('eu-north-7')).toThrow(refusal('eu-north-7'));
    });

    it.each(['us-east-1', 'eu-central-1', 'cn-north-1'])(
      'is created where CloudFormation supports budgets: %s',
      (region) => {
        expect(budgetIn(region)).not.toThrow();
      },
    );

    it('is refused by the Region of the CDK command line', () => {
      process.env.CDK_DEFAULT_REGION = 'eu-north-1';
      try {
        expect(budgetIn()).toThrow(refusal('eu-north-1'));
      } finally {
        delete process.env.CDK_DEFAULT_REGION;
      }
    });

    it('is created if the Region is undefined', () => {
      expect(budgetIn()).not.toThrow();
    });
  });

  it('requires alarmEmail', () => {
    expect(() => synthesize({ monthlyBudgetUsd: 20 })).toThrow(/^monthlyBudgetUsd\b.*\balarmEmail\b/);
  });
});
