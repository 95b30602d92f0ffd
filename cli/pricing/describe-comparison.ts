import type { BreakEven } from './break-even';
import type { Bill, TieredCharge } from './charges';
import type { Comparison } from './comparison';
import type { Fleet } from './fleet';
import type { Purpose } from './monthly-units';

const purposes: Record<Purpose, string> = {
  messages: 'messages, with their acknowledgements',
  pings: 'PINGREQ and PINGRESP',
  watching: 'keep-alive monitoring',
  connections: 'connections, with a reconnect every two hours',
  standing: 'idle cost: polling, schedule, metrics, alarms, key',
};

/** Columns: amount, dollars without free tiers, dollars after the permanent ones, dollars after all of them. */
const columns = ['amount', 'dollars', 'always free', '12 months free'] as const;

/** Formats a comparison as text. */
export function describeComparison({ fleet, cirrus, iotCore, instance, breakEven }: Comparison): string {
  const machine = instance ? table(`One ${instance.type} with Mosquitto`, instance) : noInstance;
  return [
    describeFleet(fleet),
    table('cirrus-mqtt', cirrus),
    describePurposes(cirrus.purposes),
    table(`AWS IoT Core${fleet.qos === 2 ? ', at QoS 1 because it does not support QoS 2' : ''}`, iotCore),
    machine,
    describeBreakEven(breakEven),
    assumptions(fleet),
  ].join('\n');
}

const noInstance = 'One small instance with Mosquitto\n  the fleet is too large for one small instance\n';

function describeFleet(fleet: Fleet): string {
  const { devices, messagesPerDay, payload, qos, fanout, keepAlive, retained, burst } = fleet;
  const attributes = [retained && 'retained', burst > 1 && `bursts of ${burst}`].filter(Boolean).join(', ');
  return [
    `${counted(devices, 'device')}, each publishing ${counted(messagesPerDay, 'message')} of ${counted(payload, 'byte')} a day`,
    `at QoS ${qos}${attributes && ` (${attributes})`} to ${counted(fanout, 'subscriber')} each, keep-alive ${keepAlive} s.`,
    'A month of 30 days, us-east-1, before taxes.',
    '',
  ].join('\n');
}

function counted(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

function table(name: string, bill: Bill): string {
  const total = { name: 'total', ...bill, amount: undefined };
  const rows = [...bill.charges, total].map(row);
  return [`${name.padEnd(nameWidth + 2)}${columns.map(right).join('')}`, ...rows, ''].join('\n');
}

const nameWidth = 38;
const cellWidth = 16;

function row(charge: Omit<TieredCharge, 'amount'> & { amount: number | undefined }): string {
  const cells = [
    charge.amount === undefined ? '' : amountOf(charge.amount),
    ...[charge.dollars, charge.afterAlwaysFree, charge.inFirstYear].map(money),
  ];
  return `  ${charge.name.padEnd(nameWidth)}${cells.map(right).join('')}`;
}

function right(cell: string): string {
  return cell.padStart(cellWidth);
}

function amountOf(amount: number): string {
  const digits = amount < 100 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 0 };
  return amount.toLocaleString('en', digits);
}

/** Formats dollars with two digits after the point, or three below one dollar. */
export function money(dollars: number): string {
  const digits = dollars >= 0.0005 && dollars < 0.9995 ? 3 : 2;
  return `$${dollars.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

function describePurposes(spent: Record<Purpose, number>): string {
  const names = Object.keys(purposes) as Purpose[];
  const width = nameWidth + 2 * cellWidth; // below the dollars
  const rows = names.map(
    (name) => `  ${purposes[name].padEnd(width - cellWidth / 2)}${money(spent[name]).padStart(cellWidth / 2)}`,
  );
  return ['  same dollars by purpose', ...rows, ''].join('\n');
}

function describeBreakEven(found: BreakEven): string {
  const { instanceFromDevices, instanceFromMessagesPerDay, belowIotCoreFromPayload, belowIotCoreFromBurst } = found;
  return [
    'Break-even, other inputs unchanged, with the permanent free tiers',
    `  an instance is cheaper ${from(instanceFromDevices, 'devices')}`,
    `  an instance is cheaper ${from(instanceFromMessagesPerDay, 'messages per device and day')}`,
    `  cirrus-mqtt is cheaper than IoT Core ${from(belowIotCoreFromPayload, 'bytes of payload')}`,
    `  cirrus-mqtt is cheaper than IoT Core ${from(belowIotCoreFromBurst, 'messages in a burst')}`,
    '',
  ].join('\n');
}

function from(min: number | undefined, unit: string): string {
  return min === undefined ? `at no number of ${unit}` : `from ${min.toLocaleString('en')} ${unit}`;
}

function assumptions({ burst, invocationMilliseconds, keepAlive }: Fleet): string {
  const frames =
    burst === 1
      ? 'Each packet has its own frame and invocation, the most expensive case: load and --burst make it cheaper.'
      : `${burst} messages share a frame, and so do their acknowledgements. Bursts arrive one at a time.`;
  return [
    'Assumptions',
    `  ${frames}`,
    `  An invocation takes ${invocationMilliseconds} ms. Units are those of the local bill; nothing was measured on AWS.`,
    '  Polling, logs and storage are estimates; metrics and KMS requests are upper limits. Subscribers are online, and the',
    '  containers have cached them. Logins with a password take longer and read more, which is not included.',
    '  "always free": after the permanent free tiers. "12 months free": also after those of the first year, which only',
    '  accounts opened before 15 July 2025 have; newer accounts get credits instead. Nothing else in the account uses them.',
    '  IoT Core: connectivity and messaging in steps of 5 KB, no rules, one CONNECT a day; PINGREQ is not billed.',
    ...(keepAlive < 30
      ? ['  This holds for a keep-alive of 30 s or more; whether shorter ones are billed is unknown.']
      : []),
    '  Instance: one machine without failover and session replication, which somebody has to patch, monitor and give new',
    '  certificates. Its size is an estimate. The instance is billed without monitoring, cirrus-mqtt with monitoring.',
    '',
  ].join('\n');
}
