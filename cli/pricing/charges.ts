/** One line of a bill: an amount of units, and its dollars without free tiers. */
export interface Charge {
  readonly name: string;
  readonly amount: number;
  readonly dollars: number;
}

/** Monthly free tier of AWS. The bills assume that nothing else in the account uses it. */
export interface FreeTier {
  /** Names of the charges that share the free tier. */
  readonly of: readonly string[];
  readonly amount: number;
  /** `twelve months`: first year of an account opened before 15 July 2025. Newer accounts get credits instead. */
  readonly lasts: 'always' | 'twelve months';
}

/** Charge with its dollars after free tiers. */
export interface TieredCharge extends Charge {
  /** Dollars after the permanent free tiers. */
  readonly afterAlwaysFree: number;
  /** Dollars after all free tiers. */
  readonly inFirstYear: number;
}

/** Bill in dollars, with its charges. */
export interface Bill {
  readonly charges: readonly TieredCharge[];
  /** Total without free tiers. */
  readonly dollars: number;
  readonly afterAlwaysFree: number;
  /** Total with the free tiers of both kinds. */
  readonly inFirstYear: number;
}

export function charge(name: string, amount: number, price: number): Charge {
  return { name, amount, dollars: amount * price };
}

/** Creates a bill from charges. Omits charges with amount 0. */
export function createBill(all: readonly Charge[], tiers: readonly FreeTier[]): Bill {
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
