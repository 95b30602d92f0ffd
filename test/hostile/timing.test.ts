import { beforeAll, describe, expect, it } from '@jest/globals';
import type { BindingStore } from '../../lambdas/access/accounts';
import { Authenticator } from '../../lambdas/access/authenticator';
import { hashPassword } from '../../lambdas/access/password-hash';
import { closedAccess } from '../../lambdas/access/read-access';
import { MemoryLogins } from '../support/memory-logins';

/** Deletes the counts of failed logins, so that later attempts need not wait. */
class SpotlessLogins extends MemoryLogins {
  override async addFailure(): Promise<void> {}
}

/** Logins of each kind in a run, and runs, because another process may use the CPU during one of them. */
const logins = 11;
const tries = 4;

describe('the time of a refusal', () => {
  let gatekeeper: Authenticator;

  beforeAll(async () => {
    const account = { username: 'ann', passwordHash: await hashPassword('right'), rules: [] };
    const logins = new SpotlessLogins([account]);
    const accounts = { readMany: async () => new Map() };
    const tokens = { verify: () => Promise.reject(new Error('nobody has brought a token')) };
    const bindings: BindingStore = { sources: [], save: async () => undefined };
    const settings = { maxConnectionsPerUser: 0, now: Date.now, log: () => undefined };
    gatekeeper = new Authenticator({
      config: closedAccess,
      accounts,
      bindings,
      logins,
      tokens,
      methods: [],
      ...settings,
    });
  });

  /** CPU time in microseconds, which other processes do not affect. */
  async function timeOf(username: string | undefined, password: string): Promise<number> {
    const start = process.cpuUsage();
    const peer = { clientId: 'c', address: '198.51.100.1', now: Date.now() };
    const admission = await gatekeeper.authenticate({ ...peer, username, password: Buffer.from(password) });
    expect(admission).toMatchObject({ refused: 0x86 });
    const { user, system } = process.cpuUsage(start);
    return user + system;
  }

  /** Alternates, so that load on the machine affects both kinds. */
  async function ratio(one: () => Promise<number>, other: () => Promise<number>): Promise<number> {
    const times: [number, number][] = [];
    for (let count = 0; count < logins; count++) times.push([await one(), await other()]);
    return median(times.map(([first]) => first)) / median(times.map(([, second]) => second));
  }

  it.each([
    ['a user that exists and one that does not', () => timeOf('ann', 'wrong'), () => timeOf('bob', 'wrong')],
    ['a user that does not exist and none at all', () => timeOf('bob', 'wrong'), () => timeOf(undefined, 'wrong')],
  ])('is the same for %s', async (_what, one, other) => {
    const ratios: number[] = [];
    while (ratios.length < tries && !ratios.some(isAlike)) ratios.push(await ratio(one, other));

    expect(ratios.filter(isAlike)).toHaveLength(1);
  });
});

function isAlike(ratio: number): boolean {
  return ratio >= 0.8 && ratio <= 1.25;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
