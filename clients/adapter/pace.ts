import type { Clock, Timer } from './clock';

/** How soon one sign of overload after another counts. */
const slowingMs = 1_000;

/** By what a success raises a lowered rate. */
const recovery = 1.1;

/**
 * Lets so many through a second, in the order of their coming; a second's worth may come at once. When told that it is
 * too much it halves the rate, down to one a second, and works its way back.
 */
export class Pace {
  private readonly waiting = new Set<() => void>();
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
    return this.waiting.size;
  }

  /** Runs it when its turn has come, unless the returned function was called before. */
  enter(run: () => void): () => void {
    const waiter = () => run(); // its own, so that one function may wait twice
    this.waiting.add(waiter);
    this.admit();
    return () => this.waiting.delete(waiter);
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
    this.timer?.cancel();
  }

  private admit(): void {
    this.refill();
    for (const waiter of this.waiting) {
      if (this.tokens < 1) break;
      this.tokens -= 1;
      this.waiting.delete(waiter);
      waiter();
    }
    if (this.waiting.size > 0) this.admitLater();
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
