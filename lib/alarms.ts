import { Duration } from 'aws-cdk-lib';
import { Alarm, type Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { TableName } from '../lambdas/storage/schema';

export interface AlarmsProps {
  /** By what the dead letters were, e.g. `packets`. */
  readonly deadLetters: Record<string, Queue>;
  readonly tables: { readonly [Name in TableName]: Table };
}

/** What an operator should look into. Each of the eleven alarms, thirteen with a bridge, watches one metric; an account has ten free. */
export class Alarms extends Construct {
  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    for (const [name, queue] of Object.entries(props.deadLetters)) this.watchDeadLetters(name, queue);
    for (const [name, table] of Object.entries(props.tables)) this.watchThrottling(name as TableName, table);
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

  private watchThrottling(name: TableName, table: Table): void {
    const event = throttleEvent[name];
    this.watch(`${name}Throttled`, table.metric(event, { period, statistic: 'Sum' }), 10, `${event} of table ${name}`);
  }

  private watch(id: string, metric: Metric, threshold: number, alarmDescription: string): void {
    new Alarm(this, id, {
      metric,
      threshold,
      alarmDescription,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
  }
}

const period = Duration.minutes(5);

// A partition takes 1,000 writes or 3,000 reads a second, so writes are throttled first. Only in the topic index many
// publishers read the same partition, the list of shapes, and few write; and a fleet may share one account.
const throttleEvent: { readonly [Name in TableName]: 'ReadThrottleEvents' | 'WriteThrottleEvents' } = {
  connections: 'WriteThrottleEvents',
  sessions: 'WriteThrottleEvents',
  topicIndex: 'ReadThrottleEvents',
  retained: 'WriteThrottleEvents',
  inflight: 'WriteThrottleEvents',
  deadlines: 'WriteThrottleEvents',
  accounts: 'ReadThrottleEvents',
};
