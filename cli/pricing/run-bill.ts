import { chargesOf, dollarsOf } from './broker-bill';
import type { Fleet } from './fleet';
import { ping, publication, reconnect } from './operations';
import { nothing, sumOf, times, type Units } from './units';

/** What clients do for a while, beside whatever else a broker has to do. */
export interface Run {
  /** As of a fleet: how each message is published and how many devices get it. */
  readonly load: Pick<Fleet, 'payload' | 'qos' | 'fanout'>;
  readonly messages: number;
  readonly pings: number;
  /** Connections that are opened, each with one subscription, and how long each lasts. */
  readonly connections: number;
  readonly seconds: number;
}

/** An assumption, as that of `cirrus-mqtt cost`: what Lambda takes for an invocation. */
const invocationMilliseconds = 30;

/** SUBSCRIBE to one filter: its frame, its rows and the answer. */
const subscribe: Units = {
  ...nothing,
  messagesIn: 1,
  messagesOut: 1,
  bytesOut: 8,
  fifoRequests: 3,
  onPackets: 1,
  reads: 3,
  writes: 4,
};

/** Dollars of a run at the prices of us-east-1, without free tiers, each message in a frame of its own: the dear case. */
export function runDollars({ load, messages, pings, connections, seconds }: Run): number {
  const fleet = { ...load, devices: connections, messagesPerDay: 0, burst: 1, retained: false, keepAlive: 540 };
  const units = sumOf([
    times(publication({ ...fleet, invocationMilliseconds }), messages),
    times(ping, pings),
    times(sumOf([reconnect, subscribe]), connections),
    times({ ...nothing, connectionMinutes: 1 }, connections * Math.ceil(seconds / 60)),
  ]);
  return dollarsOf(chargesOf(units, { invocationMilliseconds }));
}
