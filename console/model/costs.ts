import { Observable } from './observable';

/** Part of the local cloud's bill that the page shows. */
export interface Bill {
  readonly dollars: number;
  readonly gateway: { readonly messagesIn: number; readonly messagesOut: number; readonly dollars: number };
  readonly api: { readonly requests: number; readonly dollars: number };
  readonly sqs: { readonly requests: number; readonly dollars: number };
  readonly lambda: { readonly invocations: number; readonly dollars: number };
  readonly dynamodb: { readonly reads: number; readonly writes: number; readonly dollars: number };
}

/** Cost of one operation of this page, or of several concurrent ones. */
export interface CostEntry {
  readonly number: number;
  readonly operation: string;
  readonly dollars: number;
  readonly usage: string;
}

export interface BillSource {
  read(): Promise<Bill>;
  /** Resolves when the broker has finished all work, or after a timeout. */
  waitUntilIdle(): Promise<void>;
}

const maxEntries = 100;

/** Time in which an operation usually ends. */
const refreshHoldMs = 3_000;

/** Minimum interval for a meaningful rate. */
const minRateSeconds = 0.9;

/** Bill of the local cloud, and the cost of each operation of this page. */
export class Costs extends Observable {
  bill: Bill | undefined;
  /** Newest first. */
  entries: readonly CostEntry[] = [];
  /** Error of the last read of the bill; empty if there is none. */
  error = '';
  private pendingOperations: string[] = [];
  private isMeasuring = false;
  private entryCount = 0;
  private refreshAfter = 0;
  private messageRates = { in: 0, out: 0 };
  /** Counters and time that the next rates are relative to. */
  private rateBase: { readonly gateway: Bill['gateway']; readonly at: number } | undefined;

  constructor(private readonly source: BillSource) {
    super();
  }

  /** Frames per second, from and to all clients. */
  get brokerRates(): { readonly in: number; readonly out: number } {
    return this.messageRates;
  }

  /** Reads the bill, unless an operation is in progress: the cost so far would be missing from its entry. */
  async refresh(now: number): Promise<void> {
    if (this.isMeasuring || now < this.refreshAfter) return;
    await this.attempt(async () => this.updateBill(await this.source.read(), now));
  }

  /** Holds back `refresh` while an operation is in progress, for three seconds at most, in case it hangs or fails. */
  holdRefresh(now: number): void {
    this.refreshAfter = now + refreshHoldMs;
  }

  /** Measures the cost of a finished operation and adds an entry for it. */
  async recordOperation(operation: string): Promise<void> {
    this.pendingOperations.push(operation);
    if (this.isMeasuring) return;
    this.isMeasuring = true;
    await this.attempt(async () => {
      while (this.pendingOperations.length > 0) await this.measureOperations();
    });
    this.isMeasuring = false;
    this.refreshAfter = 0;
  }

  private async attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      this.error = '';
    } catch (error) {
      this.error = `cannot read the bill: ${(error as Error).message}`;
      this.changed();
    }
  }

  private async measureOperations(): Promise<void> {
    await this.source.waitUntilIdle();
    const before = this.bill;
    const after = await this.source.read();
    // Includes operations that ended during the wait: their costs cannot be separated.
    const operations = this.pendingOperations.splice(0);
    this.updateBill(after, Date.now());
    if (!before) return;
    this.entryCount += 1;
    const operation = operations.length <= 3 ? operations.join(', ') : `${operations.length} concurrent operations`;
    const dollars = after.dollars - before.dollars;
    const entry = { number: this.entryCount, operation, dollars, usage: describeUsage(before, after) };
    this.entries = [entry, ...this.entries].slice(0, maxEntries);
    this.changed();
  }

  private updateBill(bill: Bill, now: number): void {
    this.bill = bill;
    this.rateBase ??= { gateway: bill.gateway, at: now };
    const { gateway, at } = this.rateBase;
    const seconds = (now - at) / 1000;
    if (seconds >= minRateSeconds) {
      const per = (name: 'messagesIn' | 'messagesOut') => Math.max(0, bill.gateway[name] - gateway[name]) / seconds;
      this.messageRates = { in: per('messagesIn'), out: per('messagesOut') };
      this.rateBase = { gateway: bill.gateway, at: now };
    }
    this.changed();
  }
}

function describeUsage(before: Bill, after: Bill): string {
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

/** Formats dollars with enough digits for one operation, for example `$0.0000123`. */
export function formatDollars(dollars: number): string {
  return `$${dollars.toFixed(dollars >= 1 ? 2 : 7)}`;
}
