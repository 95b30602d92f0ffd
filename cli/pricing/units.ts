/** Billable units of a broker. */
export interface Units {
  /** Frames from clients, in steps of 32 KB. */
  readonly messagesIn: number;
  /** Messages to clients, in steps of 32 KB. */
  readonly messagesOut: number;
  readonly connectionMinutes: number;
  /** SQS requests, in steps of 64 KB. */
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
  /** Bytes out of AWS, without the overhead of TLS and TCP. */
  readonly bytesOut: number;
  /** Log lines in the embedded metric format: one for each invocation with messages. */
  readonly metricLines: number;
}

export const zeroUnits: Units = {
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
  const names = Object.keys(zeroUnits) as (keyof Units)[];
  return Object.fromEntries(names.map((name) => [name, value(name)])) as unknown as Units;
}
