import { type BreakEven, breakEven } from './break-even';
import { type BrokerBill, brokerBill } from './broker-bill';
import type { Bill } from './charges';
import type { Fleet } from './fleet';
import { type InstanceBill, instanceBill } from './instance-bill';
import { iotCoreBill } from './iot-core-bill';

/** Monthly cost of a fleet on three platforms, in the form of the JSON output. */
export interface Comparison {
  readonly fleet: Fleet;
  readonly cirrus: BrokerBill;
  readonly iotCore: Bill;
  /** Undefined if the fleet is too large for one small instance. */
  readonly instance: InstanceBill | undefined;
  readonly breakEven: BreakEven;
}

/** Computes the bills of a fleet on all platforms. */
export function compareCosts(fleet: Fleet): Comparison {
  return {
    fleet,
    cirrus: brokerBill(fleet),
    iotCore: iotCoreBill(fleet),
    instance: instanceBill(fleet),
    breakEven: breakEven(fleet),
  };
}
