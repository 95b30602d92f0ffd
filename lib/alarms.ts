import { Duration } from 'aws-cdk-lib';
import { Alarm, type IMetric, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { TableName } from '../lambdas/storage/schema';
import type { MonitoredResources } from './monitored-resources';

export interface AlarmsProps {
  /** By what the dead letters were, e.g. `packets`. */
  readonly deadLetters: Record<string, Queue>;
  readonly watched: MonitoredResources;
  /** Who is written to; empty when nobody is. */
  readonly email: string;
}

/**
 * What an operator should look into: docs/operations.md says for each what to do. CloudWatch bills an alarm by the metrics it
 * watches, here 19 in 13 alarms, with a bridge 23 in 15; an account has ten free.
 */
export class Alarms extends Construct {
  readonly all: Alarm[] = [];
  /** Where alarms are told; absent when nobody is written to. */
  readonly topic: Topic | undefined;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.topic = props.email === '' ? undefined : this.createTopic(props.email);
    for (const [name, queue] of Object.entries(props.deadLetters)) this.watchDeadLetters(name, queue);
    this.watchThrottling(props.watched.tables);
    this.watchWaiting(props.watched.queues.packets);
    this.watchFunctions(props.watched.functions);
  }

  /** A policy of its own takes the place of the one that lets the account's alarms publish, so it says that again. */
  private createTopic(email: string): Topic {
    const topic = new Topic(this, 'Topic', { enforceSSL: true });
    topic.grantPublish(new ServicePrincipal('cloudwatch.amazonaws.com'));
    topic.addSubscription(new EmailSubscription(email));
    return topic;
  }

  private watchDeadLetters(name: string, queue: Queue): void {
    const metric = queue.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' });
    this.watch(
      `${name}DeadLetters`,
      metric,
      1,
      `messages of ${name} failed every attempt and wait in the dead letters`,
    );
  }

  private watchThrottling(tables: MonitoredResources['tables']): void {
    for (const [name, event] of Object.entries(throttleEvent)) {
      const metric = tables[name as TableName].metric(event, { period, statistic: 'Sum' });
      this.watch(`${name}Throttled`, metric, 10, `${event} of table ${name}`);
    }
  }

  /** Packets wait for one another, so a moment is nothing: for longer, Lambdas are too few or keep failing. */
  private watchWaiting(queue: Queue): void {
    const metric = queue.metricApproximateAgeOfOldestMessage({ period, statistic: 'Minimum' });
    this.watch('PacketsWait', metric, 30, 'packets have waited for half a minute, for five minutes');
  }

  private watchFunctions(functions: MonitoredResources['functions']): void {
    const all = Object.values(functions).flatMap((each) => each?.lambda ?? []);
    this.watch('FunctionErrors', total(all, 'Errors'), 1, 'a function crashed or ran into its timeout');
    const limited = [functions.onConnect.lambda, functions.onPackets.lambda];
    this.watch('FunctionsThrottled', total(limited, 'Throttles'), 10, 'there is not enough concurrency for functions');
  }

  private watch(id: string, metric: IMetric, threshold: number, alarmDescription: string): void {
    const alarm = new Alarm(this, id, {
      metric,
      threshold,
      alarmDescription,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    if (this.topic) alarm.addAlarmAction(new SnsAction(this.topic));
    this.all.push(alarm);
  }
}

const period = Duration.minutes(5);

/** One that has nothing to tell does not keep the others from it. */
function total(lambdas: readonly Lambda[], metricName: 'Errors' | 'Throttles'): MathExpression {
  const metrics = lambdas.map((lambda, index) => {
    return [`m${index}`, lambda.metric(metricName, { period, statistic: 'Sum' })] as const;
  });
  const expression = metrics.map(([name]) => `FILL(${name}, 0)`).join(' + ');
  return new MathExpression({ expression, usingMetrics: Object.fromEntries(metrics), label: metricName, period });
}

// A partition takes 1,000 writes or 3,000 reads a second, so writes are throttled first. Only in the topic index many
// publishers read the same partition, the list of shapes, and few write; and a fleet may share one account. Of logins a
// stranger who guesses passwords could throttle a partition, which keeps out nobody else and needs nobody's attention.
const throttleEvent: Record<Exclude<TableName, 'logins'>, 'ReadThrottleEvents' | 'WriteThrottleEvents'> = {
  connections: 'WriteThrottleEvents',
  sessions: 'WriteThrottleEvents',
  topicIndex: 'ReadThrottleEvents',
  retained: 'WriteThrottleEvents',
  inflight: 'WriteThrottleEvents',
  accounts: 'ReadThrottleEvents',
};
