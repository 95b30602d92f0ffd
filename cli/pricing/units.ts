/** What AWS counts of a broker at work. */
export interface Units {
  /** Frames from clients and posts to them, in steps of 32 KB. */
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly connectionMinutes: number;
  /** Queue requests, in steps of 64 KB. */
  readonly fifoRequests: number;
  readonly standardRequests: number;
  /** Invocations by function. */
  readonly onConnect: number;
  readonly onPackets: number;
  readonly onTimer: number;
  readonly onSchedule: number;
  /** DynamoDB request units. */
  readonly reads: number;
  readonly writes: number;
  /** Bytes that leave AWS, without those of TLS and TCP. */
  readonly bytesOut: number;
  /** Lines that CloudWatch takes for metrics: one of each invocation that had messages. */
  readonly metricLines: number;
}

export const nothing: Units = {
  messagesIn: 0,
  messagesOut: 0,
  connectionMinutes: 0,
  fifoRequests: 0,
  standardRequests: 0,
  onConnect: 0,
  onPackets: 0,
  onTimer: 0,
  onSchedule: 0,
  reads: 0,
  writes: 0,
  bytesOut: 0,
  metricLines: 0,
};

export function sumOf(all: readonly Units[]): Units {
  return combined((name) => all.reduce((total, units) => total + units[name], 0));
}

export function times(units: Units, factor: number): Units {
  return combined((name) => units[name] * factor);
}

function combined(value: (name: keyof Units) => number): Units {
  const names = Object.keys(nothing) as (keyof Units)[];
  return Object.fromEntries(names.map((name) => [name, value(name)])) as unknown as Units;
}
