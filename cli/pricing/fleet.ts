import type { QoS } from '../../lambdas/protocol/packets';

/** Load of a fleet: the inputs of all bills. */
export interface Fleet {
  /** Number of devices, subscribers included. Each is always connected and has a persistent session. */
  readonly devices: number;
  /** Messages that each device publishes, evenly spread over the day. */
  readonly messagesPerDay: number;
  /** Messages that a device sends at once. They share frames and invocations. */
  readonly burst: number;
  /** Payload size in bytes, without the topic. */
  readonly payload: number;
  readonly qos: QoS;
  /** Subscribers of each message, all online and at the same QoS. */
  readonly fanout: number;
  /** True if each message has the retain flag. */
  readonly retained: boolean;
  /** Keep-alive in seconds. A device sends PINGREQ when it has sent nothing else for this time. */
  readonly keepAlive: number;
  /** Duration of an invocation in milliseconds; an assumption, not measured on AWS. */
  readonly invocationMilliseconds: number;
}

export const daysPerMonth = 30;
export const secondsPerDay = 86_400;
export const hoursPerMonth = daysPerMonth * 24;

/** Estimated bytes of a PUBLISH besides its payload, topic included. */
export const packetOverhead = 40;

/** Returns the seconds between two packets of a device, PINGREQs included. */
export function secondsBetweenPackets(fleet: Fleet): number {
  return secondsBetweenBursts(fleet) / (pingsBetweenBursts(fleet) + 1);
}

/** Returns the number of PINGREQs per device and day. */
export function pingsPerDay(fleet: Fleet): number {
  if (fleet.messagesPerDay === 0) return secondsPerDay / fleet.keepAlive;
  return burstsPerDay(fleet) * pingsBetweenBursts(fleet);
}

/** Returns the number of bursts per device and day. */
export function burstsPerDay({ messagesPerDay, burst }: Fleet): number {
  return messagesPerDay / burst;
}

function pingsBetweenBursts(fleet: Fleet): number {
  return Math.max(0, Math.ceil(secondsBetweenBursts(fleet) / fleet.keepAlive) - 1);
}

function secondsBetweenBursts(fleet: Fleet): number {
  return fleet.messagesPerDay === 0 ? fleet.keepAlive : secondsPerDay / burstsPerDay(fleet);
}
