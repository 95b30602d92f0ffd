import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { queues } from '../lambdas/deployment';
import { prices } from '../lambdas/prices';
import { type CoreFunction, coreQueues, type MonitoredResources } from './monitored-resources';

/** One billed unit: the metric that counts it, and its price. */
interface CostItem {
  readonly amount: IMetric;
  /** Dollars per unit. */
  readonly dollars: number;
}

/** Functions that cause nearly all Lambda cost. */
const workers = ['onPackets', 'onFanOut', 'onTimer'] as const satisfies readonly CoreFunction[];

/** SQS bills sending, receiving and deleting. Full batches need fewer requests, polling of idle queues more. */
const requestsPerMessage = 3;

const period = Duration.hours(1);

/**
 * Estimates dollars per hour and service from metrics that AWS publishes at no charge. The estimate excludes connection minutes, logs,
 * data transfer and the bridge, and counts a message above 32 KB once.
 */
export function runningCosts(resources: MonitoredResources): MathExpression[] {
  const parts = [
    costOf('gateway', [
      { amount: sumOf(resources.gateway.stage.metric('MessageCount')), dollars: prices.gatewayMessage },
    ]),
    costOf('queues', costItemsOfQueues(resources)),
    costOf(
      'functions',
      workers.flatMap((name) => costItemsOfFunction(resources, name)),
    ),
    costOf('tables', costItemsOfTables(resources)),
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

function costItemsOfQueues({ queues: deployed }: MonitoredResources): CostItem[] {
  return coreQueues.map((name) => {
    const price = queues[name].fifo ? prices.fifoRequest : prices.standardRequest;
    return { amount: sumOf(deployed[name].metricNumberOfMessagesSent()), dollars: requestsPerMessage * price };
  });
}

function costItemsOfFunction({ functions: deployed }: MonitoredResources, name: CoreFunction): CostItem[] {
  const { lambda, memoryMb } = deployed[name];
  return [
    { amount: sumOf(lambda.metricInvocations()), dollars: prices.lambdaRequest },
    { amount: sumOf(lambda.metricDuration()), dollars: (memoryMb / 1024 / 1000) * prices.lambdaGbSecond },
  ];
}

function costItemsOfTables({ tables }: MonitoredResources): CostItem[] {
  return Object.values(tables).flatMap((table) => [
    { amount: sumOf(table.metricConsumedReadCapacityUnits()), dollars: prices.readUnit },
    { amount: sumOf(table.metricConsumedWriteCapacityUnits()), dollars: prices.writeUnit },
  ]);
}

function sumOf(metric: { with(props: { statistic: string; period: Duration }): IMetric }): IMetric {
  return metric.with({ statistic: 'Sum', period });
}

/** Metric math has no exponent notation. `FILL` keeps a metric without data in an hour from making the whole sum undefined. */
function costOf(label: string, items: readonly CostItem[]): MathExpression {
  const usingMetrics = Object.fromEntries(items.map(({ amount }, index) => [`${label}${index}`, amount]));
  const terms = items.map(({ dollars }, index) => `FILL(${label}${index}, 0) * ${dollars.toFixed(14)}`);
  return new MathExpression({ expression: terms.join(' + '), usingMetrics, label, period });
}
