import { prices } from '../../lambdas/prices';
import { gigabyte } from './broker-bill';
import { type Bill, charge, createBill, type FreeTier } from './charges';
import { daysPerMonth, type Fleet, hoursPerMonth, packetOverhead, secondsPerDay } from './fleet';

/** EC2 size and its estimated capacity with Mosquitto and TLS, well below the limits of memory and CPU credits. */
interface Size {
  readonly type: string;
  /** Dollars per hour. */
  readonly hour: number;
  readonly devices: number;
  /** Average messages per second, in and out together. */
  readonly rate: number;
}

const sizes: readonly Size[] = [
  { type: 't4g.nano', hour: prices.nanoHour, devices: 1_000, rate: 200 },
  { type: 't4g.micro', hour: prices.microHour, devices: 5_000, rate: 500 },
  { type: 't4g.small', hour: prices.smallHour, devices: 20_000, rate: 1_000 },
];

const volumeGb = 8;

const freeTiers: readonly FreeTier[] = [
  { of: ['public IPv4 address, hours'], amount: 750, lasts: 'twelve months' },
  { of: ['EBS volume, GB'], amount: 30, lasts: 'twelve months' },
  { of: ['data transfer out, GB'], amount: 100, lasts: 'always' },
];

export interface InstanceBill extends Bill {
  readonly type: string;
}

/** Computes the bill of Mosquitto on one small instance. Returns `undefined` if the fleet is too large for every size. */
export function instanceBill(fleet: Fleet): InstanceBill | undefined {
  const { devices, messagesPerDay, fanout, payload } = fleet;
  const published = devices * messagesPerDay;
  const rate = (published * (1 + fanout)) / secondsPerDay;
  const size = sizes.find((each) => devices <= each.devices && rate <= each.rate);
  if (!size) return undefined;
  const bytesOut = published * daysPerMonth * fanout * (payload + packetOverhead);
  const charges = [
    charge(`EC2 ${size.type}, hours`, hoursPerMonth, size.hour),
    charge('public IPv4 address, hours', hoursPerMonth, prices.addressHour),
    charge('EBS volume, GB', volumeGb, prices.volumeGb),
    charge('data transfer out, GB', bytesOut / gigabyte, prices.transferGb),
  ];
  return { ...createBill(charges, freeTiers), type: size.type };
}
