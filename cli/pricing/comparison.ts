import { type BreakEven, breakEven } from './break-even';
import { type BrokerBill, brokerBill } from './broker-bill';
import type { Bill } from './charges';
import type { Fleet } from './fleet';
import { type InstanceBill, instanceBill } from './instance-bill';
import { iotCoreBill } from './iot-core-bill';

/** A fleet in three places. */
export interface Comparison {
  readonly fleet: Fleet;
  readonly cirrus: BrokerBill;
  readonly iotCore: Bill;
  /** Undefined where one small machine does not do. */
  readonly instance: InstanceBill | undefined;
  readonly breakEven: BreakEven;
}

export function comparisonOf(fleet: Fleet): Comparison {
  return {
    fleet,
    cirrus: brokerBill(fleet),
    iotCore: iotCoreBill(fleet),
    instance: instanceBill(fleet),
    breakEven: breakEven(fleet),
  };
}
