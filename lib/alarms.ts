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
  /** Dead-letter queues by the name of their source, for example `packets`. */
  readonly deadLetters: Record<string, Queue>;
  readonly resources: MonitoredResources;
  /** Email address that alarms are sent to; empty for none. */
  readonly email: string;
}

/**
 * Alarms on conditions that need an operator; docs/operations.md has the action for each. CloudWatch bills an alarm by the metrics
 * it evaluates: 19 metrics in 13 alarms, 23 in 15 with a bridge. Ten are free in each account.
 */
export class Alarms extends Construct {
  readonly all: Alarm[] = [];
  /** SNS topic of the alarms; undefined without an email address. */
  readonly topic: Topic | undefined;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.topic = props.email === '' ? undefined : this.createTopic(props.email);
    for (const [name, queue] of Object.entries(props.deadLetters)) this.addDeadLetterAlarm(name, queue);
    this.addTableAlarms(props.resources.tables);
    this.addWaitingAlarm(props.resources.queues.packets);
    this.addFunctionAlarms(props.resources.functions);
  }

  /**
   * `enforceSSL` adds a topic policy, which replaces SNS's default policy. The default one allows alarms of the account to publish, so
   * the grant is repeated here.
   */
  private createTopic(email: string): Topic {
    const topic = new Topic(this, 'Topic', { enforceSSL: true });
    topic.grantPublish(new ServicePrincipal('cloudwatch.amazonaws.com'));
    topic.addSubscription(new EmailSubscription(email));
    return topic;
  }

  private addDeadLetterAlarm(name: string, queue: Queue): void {
    const metric = queue.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' });
    const description = `messages of ${name} failed every attempt and are in the dead-letter queue`;
    this.addAlarm(`${name}DeadLetters`, { metric, threshold: 1, description });
  }

  private addTableAlarms(tables: MonitoredResources['tables']): void {
    for (const [name, event] of Object.entries(throttleEvent)) {
      const metric = tables[name as TableName].metric(event, { period, statistic: 'Sum' });
      this.addAlarm(`${name}Throttled`, { metric, threshold: 10, description: `${event} of table ${name}` });
    }
  }

  /**
   * Raises an alarm when the oldest packet has waited 30 s at each moment of five minutes. Packets of one connection wait for each
   * other, so short waits are normal. Longer ones mean too little concurrency or invocations that keep failing.
   */
  private addWaitingAlarm(queue: Queue): void {
    const metric = queue.metricApproximateAgeOfOldestMessage({ period, statistic: 'Minimum' });
    const description = 'the oldest packet has waited for 30 seconds or longer during five minutes';
    this.addAlarm('PacketsWait', { metric, threshold: 30, description });
  }

  private addFunctionAlarms(functions: MonitoredResources['functions']): void {
    const all = Object.values(functions).flatMap((each) => each?.lambda ?? []);
    const crashed = 'a function crashed or timed out';
    this.addAlarm('FunctionErrors', { metric: total(all, 'Errors'), threshold: 1, description: crashed });
    const limited = [functions.onConnect.lambda, functions.onPackets.lambda];
    const throttled = 'functions are throttled: not enough concurrency';
    this.addAlarm('FunctionsThrottled', { metric: total(limited, 'Throttles'), threshold: 10, description: throttled });
  }

  private addAlarm(id: string, { metric, threshold, description }: Condition): void {
    const alarm = new Alarm(this, id, {
      metric,
      threshold,
      alarmDescription: description,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    if (this.topic) alarm.addAlarmAction(new SnsAction(this.topic));
    this.all.push(alarm);
  }
}

interface Condition {
  readonly metric: IMetric;
  /** Smallest value that raises the alarm. */
  readonly threshold: number;
  readonly description: string;
}

const period = Duration.minutes(5);

/** Sums a metric over functions. `FILL` keeps a function without data from making the whole sum undefined. */
function total(lambdas: readonly Lambda[], metricName: 'Errors' | 'Throttles'): MathExpression {
  const metrics = lambdas.map((lambda, index) => {
    return [`m${index}`, lambda.metric(metricName, { period, statistic: 'Sum' })] as const;
  });
  const expression = metrics.map(([name]) => `FILL(${name}, 0)`).join(' + ');
  return new MathExpression({ expression, usingMetrics: Object.fromEntries(metrics), label: metricName, period });
}

// A DynamoDB partition allows 1,000 writes or 3,000 reads per second, so writes are throttled first. Two tables differ: in the topic
// index many publishers read the same partition (the list of shapes) and few write to it, and all clients of a fleet may read the same
// account. The logins table has no alarm: somebody who guesses passwords can throttle a partition of it, which does not affect other clients.
const throttleEvent: Record<Exclude<TableName, 'logins'>, 'ReadThrottleEvents' | 'WriteThrottleEvents'> = {
  connections: 'WriteThrottleEvents',
  sessions: 'WriteThrottleEvents',
  topicIndex: 'ReadThrottleEvents',
  retained: 'WriteThrottleEvents',
  inflight: 'WriteThrottleEvents',
  accounts: 'ReadThrottleEvents',
};
