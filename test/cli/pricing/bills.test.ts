import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { breakEven } from '../../../cli/pricing/break-even';
import { brokerBill, chargesFor, ownMetrics, sumDollars } from '../../../cli/pricing/broker-bill';
import { charge, createBill } from '../../../cli/pricing/charges';
import { money } from '../../../cli/pricing/describe-comparison';
import { type Fleet, pingsPerDay } from '../../../cli/pricing/fleet';
import { instanceBill } from '../../../cli/pricing/instance-bill';
import { iotCoreBill } from '../../../cli/pricing/iot-core-bill';
import {
  bundleBytes,
  bundleSize,
  extraSweepHorizon,
  extraSweepsBelow,
  publication,
  sweepHorizon,
  timersBelow,
} from '../../../cli/pricing/operations';
import { times } from '../../../cli/pricing/units';
import {
  extraSweepInterval,
  needsExtraSweeps,
  needsTimer,
  sweepInterval,
} from '../../../lambdas/broker/expiry/deadlines';
import * as ring from '../../../lambdas/broker/model/queue-slots';
import { basicMetrics } from '../../../lambdas/telemetry/catalogue';
import { record } from '../../storage/support/connection-record';
import { tableRows } from '../../support/markdown';
import { fleet } from './fleets';

const read = (path: string) => readFileSync(join(__dirname, '../../..', path), 'utf8');

describe('the pricing model', () => {
  it('uses the constants of the broker', () => {
    const watched = (keepAlive: number) => record('a', { keepAlive });
    expect([extraSweepsBelow - 1, extraSweepsBelow].map(watched).map(needsExtraSweeps)).toEqual([true, false]);
    expect([timersBelow - 1, timersBelow].map(watched).map(needsTimer)).toEqual([true, false]);
    expect([sweepHorizon, extraSweepHorizon]).toEqual([sweepInterval / 1000, extraSweepInterval / 1000]);
    expect([bundleSize, bundleBytes]).toEqual([ring.bundleSize, ring.bundleBytes]);
    expect(ownMetrics).toBe(basicMetrics.length);
  });
});

describe('PINGREQs per device and day', () => {
  it.each([
    [{ messagesPerDay: 0, keepAlive: 60 }, 1_440],
    [{ messagesPerDay: 24, keepAlive: 540 }, 24 * 6], // six between messages that are an hour apart
    [{ messagesPerDay: 24, keepAlive: 300, burst: 2 }, 12 * 23],
    [{ messagesPerDay: 1_440, keepAlive: 60 }, 0], // each message comes in time
    [{ messagesPerDay: 8_640, keepAlive: 540 }, 0],
  ])('of %j are %i', (of, pings) => {
    expect(pingsPerDay(fleet(of))).toBe(pings);
  });
});

describe('free tiers', () => {
  const charges = [charge('a', 3, 1), charge('b', 1, 2), charge('c', 5, 1), charge('d', 0, 1)];

  it('are subtracted from the charges that share them, those of the first year separately', () => {
    const bill = createBill(charges, [
      { of: ['a', 'b'], amount: 2, lasts: 'always' },
      { of: ['c'], amount: 7, lasts: 'twelve months' },
    ]);

    expect(bill).toMatchObject({ dollars: 10, afterAlwaysFree: 7.5, inFirstYear: 2.5 });
    expect(bill.charges.map(({ name, afterAlwaysFree }) => [name, afterAlwaysFree])).toEqual([
      ['a', 1.5],
      ['b', 1],
      ['c', 5],
    ]);
  });
});

describe('the bill of AWS IoT Core', () => {
  const messages = (of: Partial<Fleet>) =>
    iotCoreBill(fleet({ devices: 1, messagesPerDay: 1, ...of })).charges.find(
      ({ name }) => name === 'IoT Core messages',
    )?.amount;
  const connect = 1;

  it.each([
    [{ qos: 0 }, 2],
    [{ qos: 1 }, 3],
    [{ qos: 2 }, 3], // there is none: QoS 1 instead
    [{ qos: 1, fanout: 3, devices: 3 }, 3 * (1 + 3 + 3)],
    [{ qos: 0, retained: true }, 3],
    [{ qos: 0, payload: 20_000 }, 8], // in steps of 5 KB, its topic included
    [{ qos: 0, payload: 5_120 }, 4],
  ] as const)('counts for a message of %j %i', (of, count) => {
    const { devices = 1 } = of as Partial<Fleet>;
    expect(messages(of)).toBeCloseTo(30 * (count + devices * connect));
  });

  it('has 43,200 minutes per device, and no charge for PINGREQ', () => {
    const bill = iotCoreBill(fleet({ devices: 1_000, messagesPerDay: 0, keepAlive: 60 }));

    expect(bill.charges[0]).toMatchObject({ amount: 43_200_000 });
    expect(bill.dollars).toBeCloseTo(43.2 * 0.08 + 0.03, 6);
  });
});

describe('the bill of an instance', () => {
  it.each([
    [10, 't4g.nano', 720 * 0.0042],
    [2_000, 't4g.micro', 720 * 0.0084],
    [20_000, 't4g.small', 720 * 0.0168],
  ])('for %i devices is that of a %s, its disk and its address', (devices, type, hours) => {
    const bill = instanceBill(fleet({ devices, messagesPerDay: 0 }));

    expect(bill).toMatchObject({ type });
    expect(bill?.dollars).toBeCloseTo(hours + 3.6 + 0.64, 6);
  });

  it.each([
    { devices: 20_001, messagesPerDay: 0 },
    { devices: 1_000, messagesPerDay: 86_400 },
  ])('is not given for %j, more than one small machine should be trusted with', (of) => {
    expect(instanceBill(fleet(of))).toBeUndefined();
  });
});

describe('the bill of this broker', () => {
  it('is the sum of its purposes', () => {
    const { dollars, purposes } = brokerBill(fleet({ devices: 1_000, retained: true }));

    expect(Object.values(purposes).reduce((sum, each) => sum + each, 0)).toBeCloseTo(dollars, 6);
  });

  it.each([0, 1, 2] as const)('equals the measurement of docs/cost.md for a million messages at QoS %i', (qos) => {
    const [row] = tableRows(read('docs/cost.md')).filter(([name]) => name === `QoS ${qos}`);
    const counted = chargesFor(times(publication(fleet({ qos })), 1e6), fleet()).filter(
      ({ name }) => !/logs|transfer/.test(name), // which that table leaves out
    );

    expect(sumDollars(counted)).toBeCloseTo(Number(row?.at(-1)?.replace('$', '')), 1);
  });

  it('includes PINGREQ only for idle devices', () => {
    expect(brokerBill(fleet({ messagesPerDay: 1_440, keepAlive: 60 })).purposes.pings).toBe(0);
    expect(brokerBill(fleet({ messagesPerDay: 0, keepAlive: 60 })).purposes.pings).toBeGreaterThan(20);
  });
});

describe('break-even', () => {
  const isBeaten = (of: Fleet) => (instanceBill(of)?.afterAlwaysFree ?? Infinity) < brokerBill(of).afterAlwaysFree;

  it('is the number from which an instance is cheaper', () => {
    const of = fleet();
    const devices = breakEven(of).instanceFromDevices ?? 0;

    expect(devices).toBeGreaterThan(1);
    expect(isBeaten({ ...of, devices })).toBe(true);
    expect(isBeaten({ ...of, devices: devices - 1 })).toBe(false);
  });

  it('does not exist for an idle fleet compared with IoT Core, which does not bill PINGREQ', () => {
    expect(breakEven(fleet({ messagesPerDay: 0 }))).toMatchObject({
      belowIotCoreFromPayload: undefined,
      belowIotCoreFromBurst: undefined,
    });
  });

  it('exists for large payloads and for bursts', () => {
    const of = fleet({ devices: 1_000, messagesPerDay: 8_640, qos: 0 });
    const { belowIotCoreFromPayload = 0, belowIotCoreFromBurst = 0 } = breakEven(of);

    const isBelow = (other: Fleet) => brokerBill(other).afterAlwaysFree < iotCoreBill(other).afterAlwaysFree;
    expect([belowIotCoreFromPayload, belowIotCoreFromBurst].every((found) => found > 1)).toBe(true);
    expect(isBelow({ ...of, payload: belowIotCoreFromPayload })).toBe(true);
    expect(isBelow({ ...of, payload: belowIotCoreFromPayload - 1_000 })).toBe(false);
    expect(isBelow({ ...of, burst: belowIotCoreFromBurst })).toBe(true);
    expect(isBelow({ ...of, burst: belowIotCoreFromBurst - 1 })).toBe(false);
  });
});

describe('the fleets of the documents', () => {
  const rowOf = (devices: number, keepAlive: number) => {
    const of = fleet({ devices, keepAlive });
    const here = brokerBill(of);
    const { pings, watching } = here.purposes;
    const dollars = [here.dollars, here.afterAlwaysFree, pings + watching, iotCoreBill(of).afterAlwaysFree];
    return [
      devices.toLocaleString('en'),
      `${keepAlive} s`,
      ...[...dollars, instanceBill(of)?.afterAlwaysFree ?? 0].map(money),
    ];
  };
  const sizes = [10, 100, 1_000, 10_000];

  it('cost the same in docs/cost.md as in the command', () => {
    const said = tableRows(read('docs/cost.md')).filter(
      ([, keepAlive = '', ...rest]) => / s$/.test(keepAlive) && rest.length === 5,
    );

    expect(said).toEqual([540, 60].flatMap((keepAlive) => sizes.map((devices) => rowOf(devices, keepAlive))));
  });

  it('have the break-even points of the documents', () => {
    expect(breakEven(fleet()).instanceFromDevices).toBe(15);
    expect(breakEven(fleet({ keepAlive: 60 })).instanceFromDevices).toBe(3);
    expect(breakEven(fleet({ devices: 10, messagesPerDay: 8_640, qos: 0 })).belowIotCoreFromPayload).toBe(16_000);

    const bursts = fleet({ devices: 10, messagesPerDay: 86_400, qos: 0, burst: 100 });
    const here = money(brokerBill(bursts).afterAlwaysFree);
    expect(read('docs/cost.md')).toContain(`are ${here} here and ${money(iotCoreBill(bursts).afterAlwaysFree)} there`);
    const { dollars } = brokerBill(fleet({ devices: 1, messagesPerDay: 0 }));
    expect(money(Math.floor(dollars * 10) / 10)).toBe('$14.30'); // of a broker that stands idle
  });

  it('cost the same in README.md as in the command', () => {
    const said = tableRows(read('README.md')).filter(([name = '']) => /^[\d,]+ devices$/.test(name));

    const expected = sizes.map((devices) => {
      const [name, , , here, , iotCore, instance] = rowOf(devices, 540);
      const often = rowOf(devices, 60)[3];
      return [`${name} devices`, iotCore, instance, here, often];
    });
    expect(said).toEqual(expected);
  });
});
