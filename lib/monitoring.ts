import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { Alarms } from './alarms';
import { Brake } from './brake';
import { Dashboard } from './dashboard';
import { DetailDashboard } from './detail-dashboard';
import type { MonitoredResources } from './monitored-resources';
import { MonthlyBudget } from './monthly-budget';
import type { BrokerOptions } from './options';
import { retentionOf } from './retention';

export interface MonitoringProps {
  readonly options: BrokerOptions;
  readonly resources: MonitoredResources;
  /** Dead-letter queues by the name of their source, for example `packets`. */
  readonly deadLetters: Record<string, Queue>;
}

/** Creates alarms, dashboards, and brake and budget if configured. Returns all alarms. */
export function createMonitoring(scope: Construct, { options, resources, deadLetters }: MonitoringProps): Alarm[] {
  const { brokerName, alarmEmail: email, monthlyBudgetUsd: dollars, metrics } = options;
  const { all, topic } = new Alarms(scope, 'Alarms', { deadLetters, resources, email });
  const alarms = [...all, ...(topic ? brakeAlarms(scope, { options, resources, topic }) : [])];
  new Dashboard(scope, 'Dashboard', { brokerName, resources, alarms, hasMetrics: metrics !== 'off' });
  if (metrics === 'all') new DetailDashboard(scope, 'DetailDashboard', { brokerName });
  if (dollars > 0) new MonthlyBudget(scope, 'MonthlyBudget', { brokerName, dollars, email });
  return alarms;
}

interface BrakeContext extends Pick<MonitoringProps, 'options' | 'resources'> {
  readonly topic: ITopic;
}

function brakeAlarms(scope: Construct, { options, resources, topic }: BrakeContext): readonly Alarm[] {
  if (options.brakePercent === 0) return [];
  const { gateway, queues } = resources;
  return new Brake(scope, 'Brake', { options, gateway, packets: queues.packets, topic, ...retentionOf(options) })
    .alarms;
}
