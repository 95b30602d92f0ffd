import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { queues } from '../lambdas/deployment';
import { prices } from '../lambdas/prices';
import { type CoreFunction, coreQueues, type MonitoredResources } from './monitored-resources';

/** One thing that is paid for: how much of it, and what one costs. */
interface Item {
  readonly amount: IMetric;
  readonly dollars: number;
}

/** Functions that all the work is done by. */
const workers = ['onPackets', 'onFanOut', 'onTimer'] as const satisfies readonly CoreFunction[];

/** SQS: each message is sent, received and deleted; less where batches are full, more where a queue is idle and polled. */
const requestsPerMessage = 3;

const period = Duration.hours(1);

/**
 * Dollars an hour by what they are paid for, from what AWS counts anyway. Connection minutes, logs and data transfer are not
 * in it, nor is a bridge, and messages above 32 KB count as one.
 */
export function runningCosts(watched: MonitoredResources): MathExpression[] {
  const parts = [
    costOf('gateway', [
      { amount: sumOf(watched.gateway.stage.metric('MessageCount')), dollars: prices.gatewayMessage },
    ]),
    costOf('queues', queueItems(watched)),
    costOf(
      'functions',
      workers.flatMap((name) => functionItems(watched, name)),
    ),
    costOf('tables', tableItems(watched)),
  ];
  const named = Object.fromEntries(parts.map((part, index) => [`part${index}`, part]));
  const total = new MathExpression({
    expression: Object.keys(named).join(' + '),
    usingMetrics: named,
    label: 'all',
    period,
  });
  return [...parts, total];
}

function queueItems({ queues: deployed }: MonitoredResources): Item[] {
  return coreQueues.map((name) => {
    const price = queues[name].fifo ? prices.fifoRequest : prices.standardRequest;
    return { amount: sumOf(deployed[name].metricNumberOfMessagesSent()), dollars: requestsPerMessage * price };
  });
}

function functionItems({ functions: deployed }: MonitoredResources, name: CoreFunction): Item[] {
  const { lambda, memoryMb } = deployed[name];
  return [
    { amount: sumOf(lambda.metricInvocations()), dollars: prices.lambdaRequest },
    { amount: sumOf(lambda.metricDuration()), dollars: (memoryMb / 1024 / 1000) * prices.lambdaGbSecond },
  ];
}

function tableItems({ tables }: MonitoredResources): Item[] {
  return Object.values(tables).flatMap((table) => [
    { amount: sumOf(table.metricConsumedReadCapacityUnits()), dollars: prices.readUnit },
    { amount: sumOf(table.metricConsumedWriteCapacityUnits()), dollars: prices.writeUnit },
  ]);
}

function sumOf(metric: { with(props: { statistic: string; period: Duration }): IMetric }): IMetric {
  return metric.with({ statistic: 'Sum', period });
}

/** Metric math knows no exponents. What there was nothing of in an hour has no value, which must not make the whole sum have none. */
function costOf(label: string, items: readonly Item[]): MathExpression {
  const usingMetrics = Object.fromEntries(items.map(({ amount }, index) => [`${label}${index}`, amount]));
  const terms = items.map(({ dollars }, index) => `FILL(${label}${index}, 0) * ${dollars.toFixed(14)}`);
  return new MathExpression({ expression: terms.join(' + '), usingMetrics, label, period });
}
