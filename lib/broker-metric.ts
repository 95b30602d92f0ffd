import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../lambdas/settings';
import { basicMetrics, dimension, furtherMetrics, type MetricName, namespace } from '../lambdas/telemetry/catalogue';

/** Returns a CloudWatch metric that the broker emits. Default: the sum over five minutes. */
export function brokerMetric(brokerName: string, metricName: MetricName, options: MetricOptions = {}): Metric {
  return new Metric({
    statistic: 'Sum',
    ...options,
    namespace,
    metricName,
    dimensionsMap: { [dimension]: brokerName },
  });
}

/** Values of the option `metrics` with which each metric is emitted. */
const enabledBy = new Map<MetricName, readonly Settings['metrics'][]>([
  ...basicMetrics.map((name) => [name, ['basic', 'all']] as const),
  ...furtherMetrics.map((name) => [name, ['all']] as const),
]);

/**
 * Checks that the broker emits a metric with this value of the option `metrics`. An alarm on a metric without data never fires.
 *
 * @throws Error if the metric does not exist or is not emitted
 */
export function assertMetricEnabled(name: MetricName, metrics: Settings['metrics']): void {
  const needed = enabledBy.get(name);
  if (!needed) {
    throw new Error(`the broker emits no metric ${JSON.stringify(name)}, only ${[...enabledBy.keys()].join(', ')}`);
  }
  if (needed.includes(metrics)) return;
  throw new Error(`metrics is "${metrics}", but must be ${needed.join(' or ')} for ${name}`);
}
