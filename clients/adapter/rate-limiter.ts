import type { Clock, Timer } from './clock';

/** Interval within which several signs of overload count as one. */
const overloadIntervalMs = 1_000;

/** Factor by which a success raises a lowered rate. */
const recoveryFactor = 1.1;

/**
 * Token bucket that admits a number of callers per second; the burst is the number of one second. Groups of callers take turns,
 * so that a large group does not delay the others; within a group the order is first in, first out. An overload halves the rate,
 * down to one per second, and successes raise it again.
 */
export class RateLimiter {
  /** Waiting callers by group, the next group first. No group is empty. */
  private readonly waiting = new Map<string, Set<() => void>>();
  private waiters = 0;
  private currentRate: number;
  private tokens: number;
  private refilledAt: number;
  private slowedAt = Number.NEGATIVE_INFINITY;
  private timer: Timer | undefined;

  /** @param rate callers per second, at least 1 */
  constructor(
    private readonly rate: number,
    private readonly clock: Clock,
  ) {
    this.currentRate = rate;
    this.tokens = rate;
    this.refilledAt = clock.now();
  }

  get waitingCount(): number {
    return this.waiters;
  }

  /** Calls `run` when the caller is admitted. The returned function removes the caller from the queue. */
  acquire(run: () => void, group = ''): () => void {
    const waiter = () => run(); // A new function, so that the same `run` can wait twice.
    const others = this.waiting.get(group) ?? new Set();
    this.waiting.set(group, others.add(waiter));
    this.waiters += 1;
    this.admit();
    return () => this.remove(group, waiter);
  }

  /** Halves the rate after a sign of overload. */
  slowDown(): void {
    const now = this.clock.now();
    if (now - this.slowedAt < overloadIntervalMs) return;
    this.refill();
    this.slowedAt = now;
    this.currentRate = Math.max(1, this.currentRate / 2);
    this.tokens = 0;
  }

  /** Raises a lowered rate after a success. */
  speedUp(): void {
    this.refill();
    this.currentRate = Math.min(this.rate, this.currentRate * recoveryFactor);
  }

  stop(): void {
    this.waiting.clear();
    this.waiters = 0;
    this.timer?.cancel();
  }

  private admit(): void {
    this.refill();
    while (this.waiters > 0 && this.tokens >= 1) {
      this.tokens -= 1;
      this.takeNext()();
    }
    if (this.waiters > 0) this.admitLater();
  }

  /** Removes the first caller of the next group, and moves the group to the end. */
  private takeNext(): () => void {
    const [group, members] = this.waiting.entries().next().value!;
    const [first] = members;
    this.remove(group, first!);
    if (this.waiting.delete(group)) this.waiting.set(group, members);
    return first!;
  }

  private remove(group: string, waiter: () => void): void {
    const members = this.waiting.get(group);
    if (!members?.delete(waiter)) return;
    this.waiters -= 1;
    if (members.size === 0) this.waiting.delete(group);
  }

  private admitLater(): void {
    if (this.timer) return;
    const missing = Math.max(0, 1 - this.tokens);
    this.timer = this.clock.after(Math.ceil((missing / this.currentRate) * 1_000), () => {
      this.timer = undefined;
      this.admit();
    });
  }

  private refill(): void {
    const now = this.clock.now();
    this.tokens = Math.min(this.currentRate, this.tokens + ((now - this.refilledAt) / 1_000) * this.currentRate);
    this.refilledAt = now;
  }
}
