import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../lambdas/settings';
import { basicMetrics, dimension, furtherMetrics, type MetricName, namespace } from '../lambdas/telemetry/catalogue';

/** A number that a broker writes of itself: the sum of five minutes, unless told otherwise. */
export function brokerMetric(brokerName: string, metricName: MetricName, options: MetricOptions = {}): Metric {
  return new Metric({
    statistic: 'Sum',
    ...options,
    namespace,
    metricName,
    dimensionsMap: { [dimension]: brokerName },
  });
}

/** What the option `metrics` has to be for each metric to be written. */
const writtenWith = new Map<MetricName, readonly Settings['metrics'][]>([
  ...basicMetrics.map((name) => [name, ['basic', 'all']] as const),
  ...furtherMetrics.map((name) => [name, ['all']] as const),
]);

/** Throws an `Error` for a metric that nobody writes: an alarm on it would be silent for ever. */
export function refuseUnwritten(name: MetricName, metrics: Settings['metrics']): void {
  const needed = writtenWith.get(name);
  if (!needed) {
    throw new Error(`the broker writes no metric ${JSON.stringify(name)}, only ${[...writtenWith.keys()].join(', ')}`);
  }
  if (needed.includes(metrics)) return;
  throw new Error(`metrics is "${metrics}", but must be ${needed.join(' or ')} for ${name}`);
}
