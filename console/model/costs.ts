import { Observable } from './observable';

/** What of the local cloud's bill the page shows. */
export interface Bill {
  readonly dollars: number;
  readonly gateway: { readonly messagesIn: number; readonly messagesOut: number; readonly dollars: number };
  readonly api: { readonly requests: number; readonly dollars: number };
  readonly sqs: { readonly requests: number; readonly dollars: number };
  readonly lambda: { readonly invocations: number; readonly dollars: number };
  readonly dynamodb: { readonly reads: number; readonly writes: number; readonly dollars: number };
}

/** What one thing that this page did has cost, or several that were done at once. */
export interface CostEntry {
  readonly number: number;
  readonly what: string;
  readonly dollars: number;
  readonly used: string;
}

export interface BillSource {
  read(): Promise<Bill>;
  /** Resolves when the broker has done what it was asked for. */
  settled(): Promise<void>;
}

const mostEntries = 100;

/** Milliseconds in which an operation is usually over. */
const patience = 3_000;

/** Seconds: over less a rate says nothing. */
const shortestInterval = 0.9;

/** The bill of the local cloud, and what each operation of this page has added to it. */
export class Costs extends Observable {
  bill: Bill | undefined;
  /** Newest first. */
  entries: readonly CostEntry[] = [];
  /** Why the bill could not be read; empty when it could. */
  trouble = '';
  private waiting: string[] = [];
  private working = false;
  private numbered = 0;
  private quietUntil = 0;
  private rates = { in: 0, out: 0 };
  /** What the rates are reckoned from. */
  private rated: { readonly gateway: Bill['gateway']; readonly at: number } | undefined;

  constructor(private readonly source: BillSource) {
    super();
  }

  /** Frames a second, to and from all clients. */
  get brokerRates(): { readonly in: number; readonly out: number } {
    return this.rates;
  }

  /** Reads the bill, unless an operation is about to: what it has cost by then would be missing from its entry. */
  async refresh(now: number): Promise<void> {
    if (this.working || now < this.quietUntil) return;
    await this.attempt(async () => this.take(await this.source.read(), now));
  }

  /** Says that an operation begins. One that takes longer than some seconds, or fails, holds up nothing. */
  begin(now: number): void {
    this.quietUntil = now + patience;
  }

  /** Says that an operation was done, and finds out what it has cost. */
  async did(what: string): Promise<void> {
    this.waiting.push(what);
    if (this.working) return;
    this.working = true;
    await this.attempt(async () => {
      while (this.waiting.length > 0) await this.measure();
    });
    this.working = false;
    this.quietUntil = 0;
  }

  private async attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      this.trouble = '';
    } catch (error) {
      this.trouble = `the bill cannot be read: ${(error as Error).message}`;
      this.changed();
    }
  }

  private async measure(): Promise<void> {
    await this.source.settled();
    const before = this.bill;
    const after = await this.source.read();
    // Those, too, that were done while the broker came to rest: nobody can tell their costs apart.
    const operations = this.waiting.splice(0);
    this.take(after, Date.now());
    if (!before) return;
    this.numbered += 1;
    const what = operations.length <= 3 ? operations.join(', ') : `${operations.length} operations at once`;
    const entry = { number: this.numbered, what, dollars: after.dollars - before.dollars, used: usage(before, after) };
    this.entries = [entry, ...this.entries].slice(0, mostEntries);
    this.changed();
  }

  private take(bill: Bill, now: number): void {
    this.bill = bill;
    this.rated ??= { gateway: bill.gateway, at: now };
    const { gateway, at } = this.rated;
    const seconds = (now - at) / 1000;
    if (seconds >= shortestInterval) {
      const per = (name: 'messagesIn' | 'messagesOut') => Math.max(0, bill.gateway[name] - gateway[name]) / seconds;
      this.rates = { in: per('messagesIn'), out: per('messagesOut') };
      this.rated = { gateway: bill.gateway, at: now };
    }
    this.changed();
  }
}

function usage(before: Bill, after: Bill): string {
  const counts = [
    [after.gateway.messagesIn - before.gateway.messagesIn, 'frame in', 'frames in'],
    [after.gateway.messagesOut - before.gateway.messagesOut, 'post', 'posts'],
    [after.api.requests - before.api.requests, 'API request', 'API requests'],
    [after.sqs.requests - before.sqs.requests, 'queue request', 'queue requests'],
    [after.lambda.invocations - before.lambda.invocations, 'invocation', 'invocations'],
    [after.dynamodb.reads - before.dynamodb.reads, 'read', 'reads'],
    [after.dynamodb.writes - before.dynamodb.writes, 'write', 'writes'],
  ] as const;
  return counts
    .filter(([count]) => count > 0)
    .map(([count, one, many]) => `${count} ${count === 1 ? one : many}`)
    .join(', ');
}

/** `$0.0000123`: enough digits to tell one operation from another. */
export function inDollars(dollars: number): string {
  return `$${dollars.toFixed(dollars >= 1 ? 2 : 7)}`;
}
