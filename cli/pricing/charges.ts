/** One line of a bill. */
export interface Charge {
  readonly name: string;
  readonly amount: number;
  readonly dollars: number;
}

/** What AWS gives away in a month, to an account in which nothing else draws on it. */
export interface FreeTier {
  /** The lines it is taken from, together. */
  readonly of: readonly string[];
  readonly amount: number;
  /** `twelve months`: only for accounts opened before 15 July 2025, in their first year; newer ones get credits instead. */
  readonly lasts: 'always' | 'twelve months';
}

/** A line with what is left of it. */
export interface TieredCharge extends Charge {
  readonly afterAlwaysFree: number;
  readonly inFirstYear: number;
}

/** A bill in dollars, and its lines. */
export interface Bill {
  readonly charges: readonly TieredCharge[];
  /** Without free tiers. */
  readonly dollars: number;
  readonly afterAlwaysFree: number;
  /** With free tiers of both kinds. */
  readonly inFirstYear: number;
}

export function charge(name: string, amount: number, price: number): Charge {
  return { name, amount, dollars: amount * price };
}

/** The bill of these lines; lines with nothing on them are left out. */
export function billOf(all: readonly Charge[], tiers: readonly FreeTier[]): Bill {
  const charges = all
    .filter(({ amount }) => amount > 0)
    .map((one) => ({
      ...one,
      afterAlwaysFree:
        one.dollars *
        paidShare(
          one,
          all,
          tiers.filter(({ lasts }) => lasts === 'always'),
        ),
      inFirstYear: one.dollars * paidShare(one, all, tiers),
    }));
  return {
    charges,
    dollars: total(charges, 'dollars'),
    afterAlwaysFree: total(charges, 'afterAlwaysFree'),
    inFirstYear: total(charges, 'inFirstYear'),
  };
}

function paidShare(one: Charge, all: readonly Charge[], tiers: readonly FreeTier[]): number {
  const tier = tiers.find(({ of }) => of.includes(one.name));
  if (!tier) return 1;
  const used = all.filter(({ name }) => tier.of.includes(name)).reduce((sum, { amount }) => sum + amount, 0);
  return Math.max(0, 1 - tier.amount / used);
}

function total(charges: readonly TieredCharge[], column: 'dollars' | 'afterAlwaysFree' | 'inFirstYear'): number {
  return charges.reduce((sum, each) => sum + each[column], 0);
}
