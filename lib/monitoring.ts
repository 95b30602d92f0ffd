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
  readonly watched: MonitoredResources;
  /** By what the dead letters were, e.g. `packets`. */
  readonly deadLetters: Record<string, Queue>;
}

/** What tells an operator how a broker is: alarms, which it returns, a dashboard and perhaps a budget. */
export function createMonitoring(scope: Construct, { options, watched, deadLetters }: MonitoringProps): Alarm[] {
  const { brokerName, alarmEmail: email, monthlyBudgetUsd: dollars, metrics } = options;
  const { all, topic } = new Alarms(scope, 'Alarms', { deadLetters, watched, email });
  const alarms = [...all, ...(topic ? brakesOf(scope, { options, watched, topic }) : [])];
  new Dashboard(scope, 'Dashboard', { brokerName, watched, alarms, hasMetrics: metrics !== 'off' });
  if (metrics === 'all') new DetailDashboard(scope, 'DetailDashboard', { brokerName });
  if (dollars > 0) new MonthlyBudget(scope, 'MonthlyBudget', { brokerName, dollars, email });
  return alarms;
}

interface BrakeSurroundings extends Pick<MonitoringProps, 'options' | 'watched'> {
  readonly topic: ITopic;
}

function brakesOf(scope: Construct, { options, watched, topic }: BrakeSurroundings): readonly Alarm[] {
  if (options.brakePercent === 0) return [];
  const { gateway, queues } = watched;
  return new Brake(scope, 'Brake', { options, gateway, packets: queues.packets, topic, ...retentionOf(options) })
    .alarms;
}
