import type { QoS } from '../../lambdas/protocol/packets';

/** What a fleet does, day and night: all that its bill depends on. */
export interface Fleet {
  /** Connected all the time, subscribers among them, each with a persistent session. */
  readonly devices: number;
  /** What each device publishes, evenly over the day. */
  readonly messagesPerDay: number;
  /** Messages that a device writes at once, which share frames and invocations. */
  readonly burst: number;
  /** Bytes of one message, topic not included. */
  readonly payload: number;
  readonly qos: QoS;
  /** Subscribers of each message, all of them online, at the same QoS. */
  readonly fanout: number;
  /** Whether each message is kept as the retained message of its topic. */
  readonly retained: boolean;
  /** Seconds between packets of a client after which it says PINGREQ. */
  readonly keepAlive: number;
  /** What Lambda takes for an invocation, which was not measured on AWS. */
  readonly invocationMilliseconds: number;
}

export const daysPerMonth = 30;
export const secondsPerDay = 86_400;
export const hoursPerMonth = daysPerMonth * 24;

/** An estimate, like that of a topic: what a message has besides its payload, in a packet. */
export const packetOverhead = 40;

/** Packets of a device are so many seconds apart: it pings when it has published nothing for a keep-alive. */
export function secondsBetweenPackets(fleet: Fleet): number {
  return secondsBetweenBursts(fleet) / (pingsBetweenBursts(fleet) + 1);
}

/** PINGREQs of one device in a day. */
export function pingsPerDay(fleet: Fleet): number {
  if (fleet.messagesPerDay === 0) return secondsPerDay / fleet.keepAlive;
  return burstsPerDay(fleet) * pingsBetweenBursts(fleet);
}

/** How often one device publishes in a day. */
export function burstsPerDay({ messagesPerDay, burst }: Fleet): number {
  return messagesPerDay / burst;
}

function pingsBetweenBursts(fleet: Fleet): number {
  return Math.max(0, Math.ceil(secondsBetweenBursts(fleet) / fleet.keepAlive) - 1);
}

function secondsBetweenBursts(fleet: Fleet): number {
  return fleet.messagesPerDay === 0 ? fleet.keepAlive : secondsPerDay / burstsPerDay(fleet);
}
