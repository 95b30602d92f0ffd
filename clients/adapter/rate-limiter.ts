import type { Clock, Timer } from './clock';

/** How soon one sign of overload after another counts. */
const slowingMs = 1_000;

/** By what a success raises a lowered rate. */
const recovery = 1.1;

/**
 * Lets so many through a second; a second's worth may come at once. Groups take turns, so that a crowd of one delays no
 * other; within a group the first to come is the first to go. When told that it is too much it halves the rate, down to one a
 * second, and works its way back.
 */
export class Pace {
  /** By group; the group whose turn is next comes first. None is empty. */
  private readonly waiting = new Map<string, Set<() => void>>();
  private waiters = 0;
  private current: number;
  private tokens: number;
  private refilledAt: number;
  private slowedAt = Number.NEGATIVE_INFINITY;
  private timer: Timer | undefined;

  /** `rate`: a second, at least 1. */
  constructor(
    private readonly rate: number,
    private readonly clock: Clock,
  ) {
    this.current = rate;
    this.tokens = rate;
    this.refilledAt = clock.now();
  }

  get waitingCount(): number {
    return this.waiters;
  }

  /** Runs it when its turn has come, unless the returned function was called before. */
  enter(run: () => void, group = ''): () => void {
    const waiter = () => run(); // its own, so that one function may wait twice
    const others = this.waiting.get(group) ?? new Set();
    this.waiting.set(group, others.add(waiter));
    this.waiters += 1;
    this.admit();
    return () => this.remove(group, waiter);
  }

  slowDown(): void {
    const now = this.clock.now();
    if (now - this.slowedAt < slowingMs) return;
    this.refill();
    this.slowedAt = now;
    this.current = Math.max(1, this.current / 2);
    this.tokens = 0;
  }

  speedUp(): void {
    this.refill();
    this.current = Math.min(this.rate, this.current * recovery);
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

  /** The first of the group whose turn it is, which is then the last to have another turn. */
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
    this.timer = this.clock.after(Math.ceil((missing / this.current) * 1_000), () => {
      this.timer = undefined;
      this.admit();
    });
  }

  private refill(): void {
    const now = this.clock.now();
    this.tokens = Math.min(this.current, this.tokens + ((now - this.refilledAt) / 1_000) * this.current);
    this.refilledAt = now;
  }
}
