import type { BreakEven } from './break-even';
import type { Bill, TieredCharge } from './charges';
import type { Comparison } from './comparison';
import type { Fleet } from './fleet';
import type { Purpose } from './monthly-units';

const purposes: Record<Purpose, string> = {
  messages: 'messages, with their acknowledgements',
  pings: 'PINGREQ and PINGRESP',
  watching: 'checks whether devices are still there',
  connections: 'being connected, and reconnects every two hours',
  standing: 'standing idle: polling, schedule, metrics, alarms, key',
};

/** After the amount: without free tiers, with those that last always, and with those of twelve months too. */
const columns = ['amount', 'dollars', 'always free', '12 months free'] as const;

/** A comparison for people. */
export function describeComparison({ fleet, cirrus, iotCore, instance, breakEven }: Comparison): string {
  const machine = instance ? table(`One ${instance.type} with Mosquitto`, instance) : noInstance;
  return [
    describeFleet(fleet),
    table('cirrus-mqtt', cirrus),
    describePurposes(cirrus.purposes),
    table(`AWS IoT Core${fleet.qos === 2 ? ', at QoS 1, for it has no QoS 2' : ''}`, iotCore),
    machine,
    describeBreakEven(breakEven),
    assumptions(fleet),
  ].join('\n');
}

const noInstance = 'One small instance with Mosquitto\n  this fleet is more than one should be trusted with\n';

function describeFleet(fleet: Fleet): string {
  const { devices, messagesPerDay, payload, qos, fanout, keepAlive, retained, burst } = fleet;
  const manner = [retained && 'retained', burst > 1 && `${burst} at once`].filter(Boolean).join(', ');
  return [
    `${counted(devices, 'device')}, each publishing ${counted(messagesPerDay, 'message')} of ${counted(payload, 'byte')} a day`,
    `at QoS ${qos}${manner && ` (${manner})`} to ${counted(fanout, 'subscriber')} each, keep-alive ${keepAlive} s.`,
    'A month of 30 days, us-east-1, before taxes.',
    '',
  ].join('\n');
}

function counted(number: number, thing: string): string {
  return `${number.toLocaleString('en')} ${thing}${number === 1 ? '' : 's'}`;
}

function table(name: string, bill: Bill): string {
  const total = { name: 'total', ...bill, amount: undefined };
  const rows = [...bill.charges, total].map(row);
  return [`${name.padEnd(nameWidth + 2)}${columns.map(right).join('')}`, ...rows, ''].join('\n');
}

const nameWidth = 38;
const cellWidth = 16;

function row(line: Omit<TieredCharge, 'amount'> & { amount: number | undefined }): string {
  const cells = [
    line.amount === undefined ? '' : amountOf(line.amount),
    ...[line.dollars, line.afterAlwaysFree, line.inFirstYear].map(money),
  ];
  return `  ${line.name.padEnd(nameWidth)}${cells.map(right).join('')}`;
}

function right(cell: string): string {
  return cell.padStart(cellWidth);
}

function amountOf(amount: number): string {
  const digits = amount < 100 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 0 };
  return amount.toLocaleString('en', digits);
}

/** In cents, and below a dollar in tenths of them. */
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
  return ['  the same dollars, by what they are spent on', ...rows, ''].join('\n');
}

function describeBreakEven(found: BreakEven): string {
  const { instanceFromDevices, instanceFromMessagesPerDay, belowIotCoreFromPayload, belowIotCoreFromBurst } = found;
  return [
    'Break-even, all else as above, with the free tiers that last always',
    `  an instance costs less ${at(instanceFromDevices, 'devices')}`,
    `  an instance costs less ${at(instanceFromMessagesPerDay, 'messages a day of each device')}`,
    `  cirrus-mqtt costs less than IoT Core ${at(belowIotCoreFromPayload, 'bytes of payload')}`,
    `  cirrus-mqtt costs less than IoT Core ${at(belowIotCoreFromBurst, 'messages at once')}`,
    '',
  ].join('\n');
}

function at(least: number | undefined, things: string): string {
  return least === undefined ? `at no number of ${things}` : `at ${least.toLocaleString('en')} or more ${things}`;
}

function assumptions({ burst, invocationMilliseconds, keepAlive }: Fleet): string {
  const arrival =
    burst === 1
      ? 'Each packet has a frame and an invocation of its own, the dear case: load makes it cheaper, as does --burst.'
      : `${burst} messages share a frame, and so do their acknowledgements; bursts arrive one at a time.`;
  return [
    'Assumed',
    `  ${arrival}`,
    `  An invocation takes ${invocationMilliseconds} ms. Units are those of the local bill; none of it was measured on AWS.`,
    '  Polling, logs and storage are estimates; metrics and requests to KMS are what they can be at most. Subscribers are',
    '  online, and containers remember them. Logins with a password take longer, and read a little more.',
    '  "always free" counts tiers that last always, "12 months free" also those of a first year, which only accounts opened',
    '  before 15 July 2025 have; newer ones get credits instead. Nothing else in the account draws on them.',
    '  IoT Core: connectivity and messaging in steps of 5 KB, no rules, a CONNECT a day; it does not bill PINGREQ.',
    ...(keepAlive < 30
      ? ['  That it does not holds down to a keep-alive of 30 s; what it does below is not known.']
      : []),
    '  The instance: one machine, no failover, no copy of its sessions, and somebody who patches it, renews its certificate and',
    '  watches it. Its size is an estimate. It is billed without monitoring, cirrus-mqtt with it.',
    '',
  ].join('\n');
}
