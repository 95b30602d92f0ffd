import { Aws, Duration } from 'aws-cdk-lib';
import { Dashboard, GraphWidget, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { dimension, type furtherMetrics, namespace } from '../lambdas/telemetry/catalogue';

export interface DetailDashboardProps {
  readonly brokerName: string;
}

type FurtherMetric = (typeof furtherMetrics)[number];

/** Dashboard of the metrics that `metrics: all` adds. A free dashboard holds 50 metrics, and `Dashboard` uses all but one of them. */
export class DetailDashboard extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: DetailDashboardProps,
  ) {
    super(scope, id);
    const dashboard = new Dashboard(this, 'Dashboard', {
      dashboardName: `${props.brokerName}-details-${Aws.REGION}`,
      defaultInterval: Duration.hours(12),
    });
    dashboard.addWidgets(...this.messages());
    dashboard.addWidgets(...this.lateness());
    dashboard.addWidgets(this.graph('sessions replaced by another account', ['ReplacedSessions'], 'Sum'));
    dashboard.addWidgets(this.graph('leftovers removed', ['LeftoversRemoved'], 'Sum'));
  }

  private messages(): GraphWidget[] {
    return [
      this.graph('messages in', ['MessagesInQos0', 'MessagesInQos1', 'MessagesInQos2'], 'Sum'),
      this.graph('messages out', ['MessagesOutQos0', 'MessagesOutQos1', 'MessagesOutQos2'], 'Sum'),
      this.graph(
        'dropped',
        [
          'DroppedQueueFull',
          'DroppedTooLarge',
          'DroppedExpired',
          'DroppedDenied',
          'DroppedLimit',
          'DroppedSlow',
          'SlowReadersClosed',
          'LimitsReached',
          'EventsRefused',
        ],
        'Sum',
      ),
    ];
  }

  /** Graphs of maximums: one lost timer message delays one will, which an average would hide. */
  private lateness(): GraphWidget[] {
    return [
      this.graph('milliseconds late', ['WillLateness', 'KeepAliveLateness', 'SessionExpiryLateness'], 'Maximum'),
      this.graph('longest queue of an offline client', ['QueueDepth'], 'Maximum'),
      this.graph('most recipients of a message', ['Recipients'], 'Maximum'),
    ];
  }

  private graph(title: string, names: readonly FurtherMetric[], statistic: 'Sum' | 'Maximum'): GraphWidget {
    const dimensionsMap = { [dimension]: this.props.brokerName };
    const left = names.map(
      (metricName) => new Metric({ namespace, metricName, dimensionsMap, statistic, label: metricName }),
    );
    return new GraphWidget({ title, left, width: 8, height: 6 });
  }
}
