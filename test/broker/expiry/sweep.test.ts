/*
 * A simulated fleet with its own clock. Proved elsewhere: the same in the local cloud: keep-alive.test.ts; the rows that a sweep reads:
 * test/storage/connection-list.test.ts.
 */
import { describe, expect, it } from '@jest/globals';
import { connectionDeadline, startTimer } from '../../../lambdas/broker/expiry/deadlines';
import { checkConnection, extraSweep, sweep } from '../../../lambdas/broker/expiry/sweep';
import type { ConnectionRecord } from '../../../lambdas/broker/model/connection';
import { fenceOf } from '../../../lambdas/broker/model/fence';
import type { ScheduledCheck } from '../../../lambdas/broker/ports/queues';
import { record } from '../../storage/support/connection-record';
import { Random } from '../../support/random';

const second = 1000;
const minute = 60 * second;

/** A fleet, the schedule, and the timer queue, which is never early and delayed by up to a second. */
class Fleet {
  readonly connections = new Map<string, ConnectionRecord>();
  /** Time at which each connection was found lost. */
  readonly expired = new Map<string, number>();
  timers = 0;
  private now = 0;
  private agenda: { readonly at: number; readonly run: () => unknown }[] = [];

  constructor(
    private readonly random: Random,
    /** Whether a message of the timer queue is lost. */
    private readonly loses: () => boolean = () => false,
  ) {
    this.at(this.random.below(minute), () => this.everyMinute());
  }

  at(time: number, run: () => unknown): void {
    this.agenda.push({ at: time, run });
  }

  async until(time: number): Promise<void> {
    for (let next = this.next(time); next; next = this.next(time)) {
      this.now = next.at;
      await next.run();
    }
    this.now = time;
  }

  /** The first that is to happen until a time. */
  private next(until: number): { readonly at: number; readonly run: () => unknown } | undefined {
    const index = this.agenda.reduce((first, { at }, other) => (at < (this.agenda[first]?.at ?? 0) ? other : first), 0);
    const next = this.agenda[index];
    if (!next || next.at > until) return undefined;
    this.agenda.splice(index, 1);
    return next;
  }

  /** Connects, sends packets at an interval, then is lost. Returns when its keep-alive runs out. */
  live(connectionId: string, keepAlive: number, life: { from: number; every: number; to: number }): number {
    this.at(life.from, () => this.connect(connectionId, keepAlive));
    this.sendEvery(connectionId, life.from + life.every, life);
    const times = Math.max(0, Math.ceil((life.to - life.from) / life.every) - 1);
    return life.from + times * life.every + keepAlive * 1500;
  }

  private sendEvery(connectionId: string, time: number, life: { every: number; to: number }): void {
    if (time >= life.to) return;
    this.at(time, () => {
      this.send(connectionId);
      this.sendEvery(connectionId, time + life.every, life);
    });
  }

  private async connect(connectionId: string, keepAlive: number): Promise<void> {
    const fence = fenceOf(this.now, connectionId);
    const connection = record(connectionId, { keepAlive, lastSeen: this.now, fence });
    this.connections.set(connectionId, connection);
    await startTimer(this.ports, connection, connectionDeadline(connection));
  }

  private send(connectionId: string): void {
    const connection = this.connections.get(connectionId);
    if (connection) this.connections.set(connectionId, { ...connection, lastSeen: this.now });
  }

  private async everyMinute(): Promise<void> {
    this.at(this.now + minute + this.random.below(2 * second) - second, () => this.everyMinute());
    await sweep(this.ports);
  }

  private enqueue(seconds: number, run: () => unknown): void {
    this.timers += 1;
    if (!this.loses()) this.at(this.now + seconds * second + this.random.below(second), run);
  }

  private readonly ports = {
    now: () => this.now,
    log: () => undefined,
    connectionList: { all: () => this.pages() },
    connectionStore: { read: async (id: string) => this.connections.get(id) } as never,
    packets: {
      expire: async (id: string) => {
        this.connections.delete(id);
        this.expired.set(id, this.now);
      },
    } as never,
    timers: {
      scheduleCheck: async (check: ScheduledCheck) =>
        this.enqueue(check.delaySeconds, () => checkConnection(this.ports, check)),
      scheduleSweep: async (seconds: number) => this.enqueue(seconds, () => extraSweep(this.ports)),
      scheduleShapeCheck: async () => undefined,
      scheduleWake: async () => undefined,
      scheduleConnectTimeout: async () => undefined,
    },
  };

  private async *pages(): AsyncGenerator<ConnectionRecord[]> {
    yield [...this.connections.values()];
  }
}

describe('the sweep', () => {
  const keepAlives = [1, 3, 5, 10, 15, 16, 17, 20, 30, 43, 44, 60, 90, 120, 129, 130, 300, 540];

  it.each(keepAlives)(
    'finds a client of keep-alive %i s lost within two seconds, and never early',
    async (keepAlive) => {
      const random = new Random(keepAlive);
      const fleet = new Fleet(random);
      const due = new Map<string, number>();
      for (let index = 0; index < 20; index++) {
        const from = random.below(3 * minute);
        const every = Math.round(keepAlive * second * (0.2 + random.below(81) / 100));
        const to = from + random.below(Math.min(20 * minute, 150 * every));
        due.set(`c${index}`, fleet.live(`c${index}`, keepAlive, { from, every, to }));
      }
      await fleet.until(40 * minute);

      expect(fleet.expired.size).toBe(due.size);
      const lateness = [...due].map(([id, time]) => fleet.expired.get(id)! - time);
      expect(Math.min(...lateness)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...lateness)).toBeLessThanOrEqual(2 * second);
    },
  );

  it.each([
    [540, 0],
    [60, 0],
    [44, 0.25],
    [30, 1.1],
    [10, 6.1],
  ])('of clients of keep-alive %i s that send in time takes %d timers a minute each', async (keepAlive, max) => {
    const fleet = new Fleet(new Random(keepAlive));
    const clients = 10;
    for (let index = 0; index < clients; index++) {
      fleet.live(`c${index}`, keepAlive, { from: index * 997, every: keepAlive * second, to: 60 * minute });
    }
    await fleet.until(5 * minute);
    fleet.timers = 0;
    await fleet.until(25 * minute);

    const sweeps = keepAlive < 130 && keepAlive >= 17 ? 2 : 0; // sweeps of each minute
    expect((fleet.timers / 20 - sweeps) / clients).toBeLessThanOrEqual(max);
    expect(fleet.expired.size).toBe(0);
  });

  it('finds lost clients within two minutes by the schedule alone, if the timer queue loses everything', async () => {
    const fleet = new Fleet(new Random(1), () => true);
    const due = keepAlives.map((keepAlive) => {
      const connectionId = `c${keepAlive}`;
      return { connectionId, time: fleet.live(connectionId, keepAlive, { from: 0, every: second, to: minute }) };
    });
    await fleet.until(20 * minute);

    for (const { connectionId, time } of due) {
      expect(fleet.expired.get(connectionId)).toBeGreaterThanOrEqual(time);
      expect(fleet.expired.get(connectionId)).toBeLessThanOrEqual(time + 2 * minute);
    }
  });
});
