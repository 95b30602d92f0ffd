import { describe, expect, it } from '@jest/globals';
import { tables } from '../../lambdas/storage/schema';
import { basicMetrics, furtherMetrics } from '../../lambdas/telemetry/catalogue';
import { coreFunctions, coreQueues } from '../../lib/monitored-resources';
import { prices } from '../../local/bill';
import { readable, resourcesOf, synthesize } from './synthesize';

interface Widget {
  readonly type: string;
  readonly properties: { readonly title: string; readonly metrics?: unknown[][]; readonly alarms?: unknown[] };
}

function dashboardsOf(options: Record<string, unknown> = {}) {
  return Object.values(resourcesOf(synthesize(options), 'AWS::CloudWatch::Dashboard')).map(({ Properties }) => {
    const { widgets } = JSON.parse(readable(Properties.DashboardBody)) as { widgets: Widget[] };
    return { name: readable(Properties.DashboardName), widgets };
  });
}

function dashboardOf(options: Record<string, unknown> = {}) {
  const [dashboard, ...others] = dashboardsOf(options);
  expect(others).toEqual([]);
  return dashboard!;
}

/** Returns namespace, name and dimensions of every metric, without rendering options. */
function metricsOf(widgets: readonly Widget[]): Set<string> {
  const rows = widgets.flatMap(({ properties }) => properties.metrics ?? []);
  const named = rows.map((row) => row.filter((part) => typeof part === 'string').join(' '));
  return new Set(named.filter((name) => name !== ''));
}

const { name, widgets } = dashboardOf({ brokerName: 'garage' });

describe('the dashboard', () => {
  it('is named for broker and Region, because dashboards are global in an account', () => {
    expect(name).toBe('garage-AWS::Region');
  });

  it('has at most the 50 metrics of a free dashboard', () => {
    expect(metricsOf(widgets).size).toBe(49);
  });

  it('shows every queue, table and function, the gateway and the alarms', () => {
    const asked = [...metricsOf(widgets)].join('\n');

    for (const queue of coreQueues) {
      expect(asked).toMatch(new RegExp(`ApproximateAgeOfOldestMessage QueueName ${queue}Queue`, 'i'));
    }
    for (const table of Object.keys(tables)) {
      expect(asked).toMatch(new RegExp(`ConsumedReadCapacityUnits TableName Tables${table}`, 'i'));
      expect(asked).toMatch(new RegExp(`ConsumedWriteCapacityUnits TableName Tables${table}`, 'i'));
    }
    for (const each of coreFunctions) {
      expect(asked).toMatch(new RegExp(`AWS/Lambda Errors FunctionName ${each}Function`, 'i'));
    }
    for (const metric of ['ConnectCount', 'MessageCount', 'ClientError']) expect(asked).toContain(metric);
    expect(widgets.find(({ type }) => type === 'alarm')?.properties.alarms).toHaveLength(13);
  });

  it('shows metrics of the broker, unless they are off', () => {
    const asked = [...metricsOf(widgets)];
    const shown = asked.filter((metric) => metric.startsWith('CirrusMqtt'));
    const without = [...metricsOf(dashboardOf({ metrics: 'off' }).widgets)];

    expect(shown.sort()).toEqual(basicMetrics.map((metric) => `CirrusMqtt ${metric} Broker garage`).sort());
    expect(without.filter((metric) => metric.startsWith('CirrusMqtt'))).toEqual([]);
  });

  it('estimates the cost of an hour from the price table', () => {
    const costs = widgets.find(({ properties }) => properties.title.startsWith('dollars'))?.properties.metrics ?? [];
    const lines = costs.flat().filter(isExpression);
    const total = lines.at(-1)?.expression ?? '';
    const gateway = lines.find(({ label }) => label === 'gateway');

    expect(lines.map(({ label }) => label)).toEqual(['gateway', 'queues', 'functions', 'tables', 'all']);
    expect(gateway?.expression).toBe('FILL(gateway0, 0) * 0.00000100000000');
    expect(lines[3]?.expression).toContain(`* ${prices.readUnit.toFixed(14)}`);
    expect(lines[3]?.expression).toContain(`* ${prices.writeUnit.toFixed(14)}`);
    expect(total.split(' + ')).toHaveLength(4);
  });
});

describe('the dashboard of details', () => {
  const details = dashboardsOf({ brokerName: 'garage', metrics: 'all' }).find(({ name: each }) =>
    each.includes('details'),
  );

  it('shows the additional metrics, and none of the other dashboard', () => {
    const asked = [...metricsOf(details?.widgets ?? [])].map((metric) => metric.replace(/ Maximum$/, ''));

    expect(details?.name).toBe('garage-details-AWS::Region');
    expect(asked.sort()).toEqual(furtherMetrics.map((metric) => `CirrusMqtt ${metric} Broker garage`).sort());
  });

  it('shows the maximum of lateness, which an average would hide', () => {
    const late = details?.widgets.find(({ properties }) => properties.title === 'milliseconds late');
    const statistics = late?.properties.metrics?.map((row) => row.at(-1));

    expect(statistics).toHaveLength(3);
    for (const each of statistics ?? []) expect(each).toMatchObject({ stat: 'Maximum' });
  });
});

function isExpression(part: unknown): part is { readonly expression: string; readonly label: string } {
  return typeof part === 'object' && part !== null && 'expression' in part;
}
