import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { settledBill } from '../../../bench/cost';
import { chargesFor, sumDollars } from '../../../cli/pricing/broker-bill';
import { daysPerMonth, type Fleet, secondsPerDay } from '../../../cli/pricing/fleet';
import { monthlyUnits } from '../../../cli/pricing/monthly-units';
import { sweepUnits } from '../../../cli/pricing/operations';
import { sumOf, times } from '../../../cli/pricing/units';
import { type Cloud, startCloud } from '../../../local/cloud';
import { publishPacket, TextClient } from '../../support/text-client';
import { fleet } from './fleets';
import { comparable, measured } from './measured';

jest.setTimeout(120_000);

/** Maximum duration of a connection, so that each device reconnects once. */
const period = 7_200;
const step = 20;

/**
 * Tolerance between bill and model. Two concurrent timers take three requests each if they arrive one by one, as the model
 * assumes and as is likely on AWS, and four together if the local clock jumps: a third less.
 */
const toleranceOfTotal = 0.1;
const toleranceOfLine = 0.4;

/** Device that publishes to the devices after it, receives messages, and sends PINGREQ after an idle keep-alive. */
class Device {
  private client: TextClient | undefined;
  private lastPacket: number;
  private lastMessage: number;

  constructor(
    private readonly cloud: Cloud,
    private readonly of: Fleet,
    private readonly index: number,
    now: number,
  ) {
    this.lastPacket = now;
    this.lastMessage = now;
  }

  async connect(now: number): Promise<void> {
    const options = { clean: false, keepalive: this.of.keepAlive };
    this.client = await TextClient.connect(this.cloud.gatewayUrl, `device-${this.index}`, options);
    this.lastPacket = now;
    await this.cloud.settled();
  }

  async subscribe(): Promise<void> {
    const { devices, fanout, qos } = this.of;
    for (let before = 1; before <= fanout; before++) {
      await this.client?.subscribe(qos, `from/${(this.index + devices - before) % devices}`);
    }
  }

  /** Runs due actions. Returns true if other devices have messages to receive. */
  async live(now: number): Promise<'published' | 'quiet'> {
    if (this.client?.closeCode !== undefined) await this.connect(now);
    const { messagesPerDay, keepAlive } = this.of;
    const published = messagesPerDay > 0 && now - this.lastMessage >= secondsPerDay / messagesPerDay;
    if (published) await this.publish(now);
    else if (now - this.lastPacket >= keepAlive) await this.ping(now);
    return published ? 'published' : 'quiet';
  }

  async hear(): Promise<void> {
    await this.client?.hear();
    await this.cloud.settled();
  }

  private async ping(now: number): Promise<void> {
    await this.client?.ping();
    this.lastPacket = now;
    await this.cloud.settled();
  }

  private async publish(now: number): Promise<void> {
    const { payload, qos } = this.of;
    this.client?.send(publishPacket(`from/${this.index}`, Buffer.alloc(payload, 'x'), { qos, messageId: 1 }));
    if (qos === 1) await this.client?.next('puback');
    this.lastPacket = now;
    this.lastMessage = now;
    await this.cloud.settled();
  }
}

/** Measures the units of a fleet for two hours. */
async function liveThrough(of: Fleet) {
  const cloud = await startCloud({ containers: 1 });
  try {
    const devices: Device[] = [];
    for (let index = 0; index < of.devices; index++) {
      const now = (60 / of.devices) * index; // each is at another place between two sweeps
      const device = new Device(cloud, of, index, now);
      await device.connect(now);
      await device.subscribe();
      devices.push(device);
      await pass(cloud, 60 / of.devices);
    }
    await cloud.resetBill();
    for (let now = 60 + step; now <= 60 + period; now += step) {
      await pass(cloud, step);
      for (const [index, device] of devices.entries()) {
        if ((await device.live(now)) === 'quiet') continue;
        for (let after = 1; after <= of.fanout; after++) await devices[(index + after) % of.devices]?.hear();
      }
    }
    return measured(await settledBill(cloud));
  } finally {
    await cloud.stop();
  }
}

async function pass(cloud: Cloud, seconds: number): Promise<void> {
  cloud.clock.jump(seconds * 1000);
  await sleep(2); // timers fire in the next turn
  await cloud.settled();
}

function predicted(of: Fleet) {
  const { messages, pings, watching, connections } = monthlyUnits(of);
  const month = comparable(sumOf([messages, pings, watching, connections]));
  return sumOf([
    times(month, period / (daysPerMonth * secondsPerDay)),
    times(sweepUnits(of), (-of.devices * period) / 60), // see measured
  ]);
}

describe('two hours of a small fleet', () => {
  it.each([
    fleet({ devices: 1, fanout: 0, messagesPerDay: 0, keepAlive: 60 }),
    fleet({ devices: 6, messagesPerDay: 0, keepAlive: 540 }),
    fleet({ devices: 2, messagesPerDay: 144, qos: 0, fanout: 2, keepAlive: 300 }),
    // Each device receives its own messages: PUBACKs at other times would delay its PINGREQs, unlike in the model.
    fleet({ devices: 1, messagesPerDay: 720, qos: 1, fanout: 1, payload: 3_000, keepAlive: 60 }),
  ])('cost what the model says: %j', async (of) => {
    const [actual, model] = [await liveThrough(of), predicted(of)];
    const lines = chargesFor(model, of).filter(({ dollars }) => dollars > 0);
    const actualLines = chargesFor(actual, of);

    const off = (one: number, other: number) => Math.abs(one / other - 1);
    const apart = lines
      .map(({ name, dollars }) => ({
        name,
        by: off(sumDollars(actualLines.filter((line) => line.name === name)), dollars),
      }))
      .filter(({ by }) => by > toleranceOfLine);
    expect(apart).toEqual([]);
    expect(off(sumDollars(actualLines), sumDollars(lines))).toBeLessThan(toleranceOfTotal);
  });
});
