import { describe, expect, it } from '@jest/globals';
import { tables } from '../../lambdas/storage/schema';
import { basicMetrics } from '../../lambdas/telemetry/catalogue';
import { coreFunctions, coreQueues } from '../../lib/watched';
import { prices } from '../../local/bill';
import { readable, resourcesOf, synthesize } from './synthesize';

interface Widget {
  readonly type: string;
  readonly properties: { readonly title: string; readonly metrics?: unknown[][]; readonly alarms?: unknown[] };
}

function dashboardOf(options: Record<string, unknown> = {}) {
  const [dashboard] = Object.values(resourcesOf(synthesize(options), 'AWS::CloudWatch::Dashboard'));
  const { widgets } = JSON.parse(readable(dashboard!.Properties.DashboardBody)) as { widgets: Widget[] };
  return { name: readable(dashboard!.Properties.DashboardName), widgets };
}

/** Namespace, name and dimensions of all that is asked for, without what is only how it is shown. */
function metricsOf(widgets: readonly Widget[]): Set<string> {
  const rows = widgets.flatMap(({ properties }) => properties.metrics ?? []);
  const named = rows.map((row) => row.filter((part) => typeof part === 'string').join(' '));
  return new Set(named.filter((name) => name !== ''));
}

const { name, widgets } = dashboardOf({ brokerName: 'garage' });

describe('the dashboard', () => {
  it('has the name of the broker and the Region, because an account has one list of dashboards', () => {
    expect(name).toBe('garage-AWS::Region');
  });

  it('asks for fewer metrics than a free dashboard may have', () => {
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
    expect(widgets.find(({ type }) => type === 'alarm')?.properties.alarms).toHaveLength(14);
  });

  it('shows what the broker writes, unless it writes nothing', () => {
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

function isExpression(part: unknown): part is { readonly expression: string; readonly label: string } {
  return typeof part === 'object' && part !== null && 'expression' in part;
}
