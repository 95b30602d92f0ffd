import { Aws, Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard as CloudWatchDashboard,
  GraphWidget,
  type IMetric,
  type Metric,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { basicMetrics } from '../lambdas/telemetry/catalogue';
import { brokerMetric } from './broker-metric';
import { coreFunctions, coreQueues, type MonitoredResources } from './monitored-resources';
import { runningCosts } from './running-costs';

export interface DashboardProps {
  readonly brokerName: string;
  readonly resources: MonitoredResources;
  readonly alarms: readonly Alarm[];
  /** True if the broker emits metrics. */
  readonly hasMetrics: boolean;
}

type BasicMetric = (typeof basicMetrics)[number];

/**
 * The dashboard of a broker. CloudWatch gives each account three dashboards with up to 50 metrics for free. This one stays below 50, so
 * it shows only the alarms of a bridge.
 */
export class Dashboard extends Construct {
  private readonly resources: MonitoredResources;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: DashboardProps,
  ) {
    super(scope, id);
    this.resources = props.resources;
    const dashboard = new CloudWatchDashboard(this, 'Dashboard', {
      dashboardName: `${props.brokerName}-${Aws.REGION}`,
      defaultInterval: Duration.hours(12),
    });
    dashboard.addWidgets(new AlarmStatusWidget({ title: 'alarms', alarms: [...props.alarms], width: 24, height: 4 }));
    if (props.hasMetrics) dashboard.addWidgets(...this.traffic());
    dashboard.addWidgets(...this.infrastructure());
    dashboard.addWidgets(...this.storage());
  }

  /** Graphs of metrics that the broker emits. */
  private traffic(): GraphWidget[] {
    const names = (...which: BasicMetric[]) => which.map((name) => this.graphMetric(name));
    return [
      graph('messages', names('MessagesIn', 'MessagesOut', 'MessagesDropped'), names('BytesIn', 'BytesOut')),
      graph(
        'milliseconds to delivery',
        ['p50', 'p95', 'p99'].map((statistic) => this.graphMetric('DeliveryLatency', statistic)),
      ),
      graph('clients', names('ConnectionsOpened', 'ConnectionsClosed', 'RefusedLogins'), names('ThrottledCalls')),
    ];
  }

  private graphMetric(metricName: BasicMetric, statistic = 'Sum'): Metric {
    const label = statistic === 'Sum' ? metricName : statistic;
    return brokerMetric(this.props.brokerName, metricName, { statistic, label });
  }

  /** Graphs of gateway, queues and functions. */
  private infrastructure(): GraphWidget[] {
    const { gateway, functions, queues } = this.resources;
    const ofStage = (name: string) => gateway.stage.metric(name, { statistic: 'Sum', label: name });
    return [
      graph(
        'gateway',
        ['ConnectCount', 'MessageCount'].map(ofStage),
        ['ClientError', 'IntegrationError', 'ExecutionError'].map(ofStage),
      ),
      graph(
        'age of the oldest message, seconds',
        coreQueues.map((label) => queues[label].metricApproximateAgeOfOldestMessage({ label })),
      ),
      graph('function errors, throttles', [
        ...coreFunctions.map((name) => functions[name].lambda.metricErrors({ label: `${name} errors` })),
        functions.onPackets.lambda.metricThrottles({ label: 'onPackets throttles' }),
        functions.onConnect.lambda.metricThrottles({ label: 'onConnect throttles' }),
      ]),
      graph(
        'function milliseconds, concurrency',
        (['onPackets', 'onFanOut', 'onTimer'] as const).map((name) =>
          functions[name].lambda.metricDuration({ statistic: 'p95', label: `${name} p95` }),
        ),
        [
          functions.onPackets.lambda.metric('ConcurrentExecutions', {
            statistic: 'Maximum',
            label: 'onPackets concurrency',
          }),
        ],
      ),
    ];
  }

  /** Graphs of table capacity and of estimated cost. Alarms cover throttling of tables. */
  private storage(): GraphWidget[] {
    const tables = Object.entries(this.resources.tables);
    return [
      graph(
        'read units',
        tables.map(([label, table]) => table.metricConsumedReadCapacityUnits({ label })),
      ),
      graph(
        'write units',
        tables.map(([label, table]) => table.metricConsumedWriteCapacityUnits({ label })),
      ),
      graph('dollars per hour, estimated', runningCosts(this.resources)),
    ];
  }
}

function graph(title: string, left: IMetric[], right: IMetric[] = []): GraphWidget {
  return new GraphWidget({ title, left, right, width: 6, height: 6 });
}
