import { functions } from '../../lambdas/deployment';
import { prices } from '../../lambdas/prices';
import { type Bill, type Charge, charge, createBill, type FreeTier } from './charges';
import type { Fleet } from './fleet';
import { monthlyUnits, type Purpose } from './monthly-units';
import { sumOf, type Units } from './units';

/** Monthly bill of this broker. */
export interface BrokerBill extends Bill {
  /** Same dollars by purpose, without free tiers. */
  readonly purposes: Record<Purpose, number>;
}

export const gigabyte = 1e9;

// Estimated log bytes: one line for each frame, three lines for each invocation, and one metrics line for each invocation
// with messages.
const frameLogBytes = 250;
const invocationLogBytes = 550;
const metricLogBytes = 450;

/** Estimated table storage of a device: connection, session and subscription. */
const deviceBytes = 2_000;
const retainedOverhead = 400;

// Metrics of a stack: its own, at most those of the routes of the gateway, and those of the alarms.
export const ownMetrics = 10;
const gatewayMetrics = 16;
export const alarmMetrics = 19;
/** Maximum number of monthly KMS requests of DynamoDB for the key of the tables. */
const keyRequests = 200_000;

const freeTiers: readonly FreeTier[] = [
  { of: ['API Gateway messages'], amount: 1e6, lasts: 'twelve months' },
  { of: ['API Gateway connection minutes'], amount: 750_000, lasts: 'twelve months' },
  { of: ['SQS FIFO requests', 'SQS standard requests'], amount: 1e6, lasts: 'always' },
  { of: ['Lambda requests'], amount: 1e6, lasts: 'always' },
  { of: ['Lambda GB-seconds'], amount: 400_000, lasts: 'always' },
  { of: ['EventBridge Scheduler runs'], amount: 14e6, lasts: 'always' },
  { of: ['DynamoDB storage, GB'], amount: 25, lasts: 'always' },
  { of: ['CloudWatch logs, GB'], amount: 5, lasts: 'always' },
  { of: ['CloudWatch metrics, at most'], amount: 10, lasts: 'always' },
  { of: ['CloudWatch metrics of alarms'], amount: 10, lasts: 'always' },
  { of: ['CloudWatch dashboards'], amount: 3, lasts: 'always' },
  { of: ['KMS requests, at most'], amount: 20_000, lasts: 'always' },
  { of: ['data transfer out, GB'], amount: 100, lasts: 'always' },
];

/** Computes the monthly bill of this broker. */
export function brokerBill(fleet: Fleet): BrokerBill {
  const units = monthlyUnits(fleet);
  const fixed = fixedCharges(fleet);
  const charges = [...chargesFor(sumOf(Object.values(units)), fleet), ...fixed];
  const dollarsFor = (purpose: Purpose) => sumDollars(chargesFor(units[purpose], fleet));
  const purposes = {
    messages: dollarsFor('messages'),
    pings: dollarsFor('pings'),
    watching: dollarsFor('watching'),
    connections: dollarsFor('connections'),
    standing: dollarsFor('standing') + sumDollars(fixed),
  };
  return { ...createBill(charges, freeTiers), purposes };
}

/** Converts units to charges. */
export function chargesFor(units: Units, { invocationMilliseconds }: Pick<Fleet, 'invocationMilliseconds'>): Charge[] {
  const names = ['onConnect', 'onPackets', 'onTimer', 'onSchedule'] as const;
  const invocations = names.reduce((sum, name) => sum + units[name], 0);
  const gigabytes = names.reduce((sum, name) => sum + units[name] * (functions[name].memoryMb / 1024), 0);
  return [
    charge('API Gateway messages', units.messagesIn + units.messagesOut, prices.gatewayMessage),
    charge('API Gateway connection minutes', units.connectionMinutes, prices.connectionMinute),
    charge('SQS FIFO requests', units.fifoRequests, prices.fifoRequest),
    charge('SQS standard requests', units.standardRequests, prices.standardRequest),
    charge('Lambda requests', invocations, prices.lambdaRequest),
    charge('Lambda GB-seconds', gigabytes * (invocationMilliseconds / 1000), prices.lambdaGbSecond),
    charge('EventBridge Scheduler runs', units.onSchedule, prices.scheduledInvocation),
    charge('DynamoDB read units', units.reads, prices.readUnit),
    charge('DynamoDB write units', units.writes, prices.writeUnit),
    charge('CloudWatch logs, GB', logBytes(units, invocations) / gigabyte, prices.logGb),
    charge('data transfer out, GB', units.bytesOut / gigabyte, prices.transferGb),
  ];
}

function logBytes({ messagesIn, onConnect, metricLines }: Units, invocations: number): number {
  const frames = messagesIn + 2 * onConnect; // $connect and $disconnect are logged as well.
  return frames * frameLogBytes + invocations * invocationLogBytes + metricLines * metricLogBytes;
}

/** Returns the charges that do not depend on the number of messages. */
function fixedCharges({ devices, retained, payload }: Fleet): Charge[] {
  const stored = (devices * (deviceBytes + (retained ? payload + retainedOverhead : 0))) / gigabyte;
  return [
    charge('DynamoDB storage, GB', stored, prices.storageGb),
    charge('DynamoDB point-in-time recovery, GB', stored, prices.recoveryGb),
    charge('CloudWatch metrics, at most', ownMetrics + gatewayMetrics, prices.metric),
    charge('CloudWatch metrics of alarms', alarmMetrics, prices.alarmMetric),
    charge('CloudWatch dashboards', 1, prices.dashboard),
    charge('KMS requests, at most', keyRequests, prices.keyRequest),
  ];
}

export function sumDollars(charges: readonly Charge[]): number {
  return charges.reduce((sum, { dollars }) => sum + dollars, 0);
}
