import { type BrokerBill, brokerBill } from './broker-bill';
import type { Bill } from './charges';
import { type Fleet, packetOverhead } from './fleet';
import { instanceBill } from './instance-bill';
import { iotCoreBill } from './iot-core-bill';

export const maxDevices = 1_000_000;
export const maxPayload = 97_000;
export const maxMessagesPerDay = 86_400;
export const maxBurst = 100;

/** Maximum size of the packets in one frame, in bytes. */
export const maxBurstBytes = 24_564;

const payloadStep = 1_000;

/** Values at which another platform becomes cheaper, with all other inputs unchanged and the permanent free tiers applied. */
export interface BreakEven {
  /** Smallest number of devices at which an instance is cheaper; undefined if it never is, or cannot carry the load. */
  readonly instanceFromDevices: number | undefined;
  /** Smallest number of messages per device and day at which an instance is cheaper. */
  readonly instanceFromMessagesPerDay: number | undefined;
  /** Smallest payload, in steps of 1,000 bytes, at which this broker is cheaper than AWS IoT Core; undefined if none is. */
  readonly belowIotCoreFromPayload: number | undefined;
  /** Smallest burst that fits into a frame at which this broker is cheaper than AWS IoT Core; undefined if none is. */
  readonly belowIotCoreFromBurst: number | undefined;
}

/** Searches the break-even points by computing bills. */
export function breakEven(fleet: Fleet): BreakEven {
  const isInstanceCheaper = (other: Fleet) => isCheaper(instanceBill(other), brokerBill(other));
  const isBelowIotCore = (other: Fleet) => isCheaper(brokerBill(other), iotCoreBill(other));
  const minDevices = Math.max(1, fleet.fanout);
  return {
    instanceFromDevices: firstWhere(minDevices, maxDevices, (devices) => isInstanceCheaper({ ...fleet, devices })),
    instanceFromMessagesPerDay: firstWhere(0, maxMessagesPerDay, (messagesPerDay) =>
      isInstanceCheaper({ ...fleet, messagesPerDay }),
    ),
    belowIotCoreFromPayload: payloadCandidates(fleet).find((payload) => isBelowIotCore({ ...fleet, payload })),
    belowIotCoreFromBurst: burstCandidates(fleet).find((burst) => isBelowIotCore({ ...fleet, burst })),
  };
}

function isCheaper(one: Bill | undefined, other: BrokerBill | Bill): boolean {
  return one !== undefined && one.afterAlwaysFree < other.afterAlwaysFree;
}

function burstCandidates({ payload, retained }: Fleet): number[] {
  const messagesPerFrame = Math.floor(maxBurstBytes / (payload + packetOverhead));
  const maxMessages = retained ? 1 : Math.min(maxBurst, messagesPerFrame);
  return Array.from({ length: Math.max(1, maxMessages) }, (_, index) => index + 1);
}

function payloadCandidates({ burst }: Fleet): number[] {
  const maxBytes = burst === 1 ? maxPayload : Math.floor(maxBurstBytes / burst) - packetOverhead;
  return Array.from({ length: Math.floor(maxBytes / payloadStep) + 1 }, (_, index) => index * payloadStep);
}

/** Returns the first number that satisfies a condition: tries numbers 10 % apart, then bisects the last step. */
function firstWhere(min: number, max: number, holds: (number: number) => boolean): number | undefined {
  let below = min - 1;
  for (let at = min; at <= max; at = Math.max(at + 1, Math.floor(at * 1.1))) {
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
