import { describe, expect, it } from '@jest/globals';
import { settingRules } from '../../lambdas/settings';
import { basicMetrics, furtherMetrics } from '../../lambdas/telemetry/catalogue';
import { EmfMetrics } from '../../lambdas/telemetry/emf-metrics';
import { readMetricLine } from '../support/emf';

function metricsOf(set: 'basic' | 'all' = 'basic') {
  const lines: string[] = [];
  const now = () => 1_800_000_000_000;
  return { lines, metrics: new EmfMetrics({ broker: 'garage', set, now, sink: (line) => lines.push(line) }) };
}

describe('a line of metrics', () => {
  it('has the sums of all counts under the name of the broker', () => {
    const { metrics, lines } = metricsOf();
    metrics.count('MessagesInQos0');
    metrics.count('MessagesInQos2', 2);
    metrics.count('BytesIn', 100);
    metrics.measure('DeliveryLatency', 30);
    metrics.measure('DeliveryLatency', 40);
    metrics.write();

    expect(lines).toHaveLength(1);
    expect(readMetricLine(lines[0] ?? '')).toEqual({
      dimensions: { Broker: 'garage' },
      metrics: { MessagesIn: [3], BytesIn: [100], DeliveryLatency: [30, 40] },
      values: { MessagesInQos0: [1], MessagesInQos2: [2], MessagesIn: [3], BytesIn: [100], DeliveryLatency: [30, 40] },
    });
  });

  it('is not written if nothing was counted, and starts from zero after each', () => {
    const { metrics, lines } = metricsOf();
    metrics.write();
    metrics.count('ConnectionsOpened');
    metrics.write();
    metrics.write();
    metrics.count('ConnectionsClosed');
    metrics.write();

    expect(lines.map((line) => readMetricLine(line).metrics)).toEqual([
      { ConnectionsOpened: [1] },
      { ConnectionsClosed: [1] },
    ]);
  });

  it('publishes detailed metrics only in the set `all`', () => {
    const { metrics, lines } = metricsOf('all');
    metrics.count('DroppedQueueFull', 3);
    metrics.measure('Recipients', 7);
    metrics.write();

    expect(readMetricLine(lines[0] ?? '').metrics).toEqual({
      MessagesDropped: [3],
      DroppedQueueFull: [3],
      Recipients: [7],
    });
  });

  it('has at most a hundred values of a metric; further lines have the others, each once', () => {
    const { metrics, lines } = metricsOf('all');
    metrics.count('BytesIn', 7);
    for (let value = 0; value < 10_050; value++) metrics.measure('QueueDepth', value);
    metrics.measure('Recipients', 3);
    metrics.write();

    const read = lines.map((line) => readMetricLine(line).metrics); // refuses more than a hundred values
    const all = (name: string) => read.flatMap(({ [name]: values = [] }) => values);
    expect(read).toHaveLength(101);
    expect(all('QueueDepth')).toEqual(Array.from({ length: 10_050 }, (_, value) => value));
    expect(all('Recipients')).toEqual([3]);
    expect(all('BytesIn')).toEqual([7]);
  });

  it('is the only one for a hundred values of each of several metrics', () => {
    const { metrics, lines } = metricsOf('all');
    for (let value = 0; value < 100; value++) {
      metrics.measure('QueueDepth', value);
      metrics.measure('Recipients', value);
    }
    metrics.write();

    expect(lines).toHaveLength(1);
  });
});

describe('the sets', () => {
  it('are ten metrics, which are free in an account without others, and 32 in all', () => {
    expect(basicMetrics).toHaveLength(10);
    expect(new Set([...basicMetrics, ...furtherMetrics]).size).toBe(32);
    expect(settingRules.metrics.default).toBe('basic');
  });
});
