import { type BrokerBill, brokerBill } from './broker-bill';
import type { Bill } from './charges';
import { type Fleet, packetOverhead } from './fleet';
import { instanceBill } from './instance-bill';
import { iotCoreBill } from './iot-core-bill';

export const mostDevices = 1_000_000;
export const largestPayload = 97_000;
export const mostMessagesPerDay = 86_400;
export const mostAtOnce = 100;

/** Bytes of packets that fit into one frame. */
export const largestBurst = 24_564;

const payloadStep = 1_000;

/** Where the cheaper one changes, everything else staying as it is, free tiers that last always included. */
export interface BreakEven {
  /** The first number of devices, or of messages a day of each, at which an instance costs less; undefined: at none that one carries. */
  readonly instanceFromDevices: number | undefined;
  readonly instanceFromMessagesPerDay: number | undefined;
  /** The smallest payload, in steps of 1,000 bytes, at which this broker costs less than AWS IoT Core; undefined: at none. */
  readonly belowIotCoreFromPayload: number | undefined;
  /** The smallest burst that fits into a frame at which it does; undefined: at none. */
  readonly belowIotCoreFromBurst: number | undefined;
}

/** Finds them by asking for bills. */
export function breakEven(fleet: Fleet): BreakEven {
  const isAbove = (other: Fleet) => isLess(instanceBill(other), brokerBill(other));
  const isBelow = (other: Fleet) => isLess(brokerBill(other), iotCoreBill(other));
  const fewest = Math.max(1, fleet.fanout);
  return {
    instanceFromDevices: firstWhere(fewest, mostDevices, (devices) => isAbove({ ...fleet, devices })),
    instanceFromMessagesPerDay: firstWhere(0, mostMessagesPerDay, (messagesPerDay) =>
      isAbove({ ...fleet, messagesPerDay }),
    ),
    belowIotCoreFromPayload: payloads(fleet).find((payload) => isBelow({ ...fleet, payload })),
    belowIotCoreFromBurst: bursts(fleet).find((burst) => isBelow({ ...fleet, burst })),
  };
}

function isLess(one: Bill | undefined, other: BrokerBill | Bill): boolean {
  return one !== undefined && one.afterAlwaysFree < other.afterAlwaysFree;
}

function bursts({ payload, retained }: Fleet): number[] {
  const fitting = Math.floor(largestBurst / (payload + packetOverhead));
  const most = retained ? 1 : Math.min(mostAtOnce, fitting);
  return Array.from({ length: Math.max(1, most) }, (_, index) => index + 1);
}

function payloads({ burst }: Fleet): number[] {
  const most = burst === 1 ? largestPayload : Math.floor(largestBurst / burst) - packetOverhead;
  return Array.from({ length: Math.floor(most / payloadStep) + 1 }, (_, index) => index * payloadStep);
}

/** The first number for which it holds, by trying numbers ten per cent apart and then those in between. */
function firstWhere(least: number, most: number, holds: (number: number) => boolean): number | undefined {
  let below = least - 1;
  for (let at = least; at <= most; at = Math.max(at + 1, Math.floor(at * 1.1))) {
    if (holds(at)) return bisect(below, at, holds);
    below = at;
  }
  return undefined;
}

function bisect(below: number, above: number, holds: (number: number) => boolean): number {
  if (above - below <= 1) return above;
  const middle = Math.floor((below + above) / 2);
  return holds(middle) ? bisect(below, middle, holds) : bisect(middle, above, holds);
}
