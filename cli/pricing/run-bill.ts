import { chargesFor, sumDollars } from './broker-bill';
import type { Fleet } from './fleet';
import { ping, publication, reconnect } from './operations';
import { sumOf, times, type Units, zeroUnits } from './units';

/** Load of a run of `bench` or `doctor`, in addition to the other load of a broker. */
export interface Run {
  /** Payload, QoS and fan-out of each message. */
  readonly load: Pick<Fleet, 'payload' | 'qos' | 'fanout'>;
  readonly messages: number;
  readonly pings: number;
  /** Number of connections, each with one subscription. */
  readonly connections: number;
  /** Duration of each connection in seconds. */
  readonly seconds: number;
}

/** Assumed duration of an invocation, the default of `cirrus-mqtt cost`. */
const invocationMilliseconds = 30;

/** Units of SUBSCRIBE with one topic filter: frame, items and SUBACK. */
const subscribe: Units = {
  ...zeroUnits,
  messagesIn: 1,
  messagesOut: 1,
  bytesOut: 8,
  fifoRequests: 3,
  onPackets: 1,
  reads: 3,
  writes: 4,
};

/** Estimates the dollars of a run in us-east-1, without free tiers. Assumes one frame per message, the most expensive case. */
export function runDollars({ load, messages, pings, connections, seconds }: Run): number {
  const fleet = { ...load, devices: connections, messagesPerDay: 0, burst: 1, retained: false, keepAlive: 540 };
  const units = sumOf([
    times(publication({ ...fleet, invocationMilliseconds }), messages),
    times(ping, pings),
    times(sumOf([reconnect, subscribe]), connections),
    times({ ...zeroUnits, connectionMinutes: 1 }, connections * Math.ceil(seconds / 60)),
  ]);
  return sumDollars(chargesFor(units, { invocationMilliseconds }));
}
