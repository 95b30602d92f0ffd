import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../lambdas/settings';
import { dimension, furtherMetrics, type MetricName, namespace } from '../lambdas/telemetry/catalogue';

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

/** Throws an `Error` for a metric that nobody writes: an alarm on it would be silent for ever. */
export function refuseUnwritten(name: MetricName, metrics: Settings['metrics']): void {
  const needed = (furtherMetrics as readonly MetricName[]).includes(name) ? ['all'] : ['basic', 'all'];
  if (needed.includes(metrics)) return;
  throw new Error(`metrics is "${metrics}", but must be ${needed.join(' or ')} for ${name}`);
}
