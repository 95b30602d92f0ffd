// setTimeout counts in a signed 32-bit integer; longer waits are made of several.
const longestTimeout = 2 ** 31 - 1;

/** A timer on the local clock. */
export interface ClockTimer {
  cancel(): void;
}

interface Pending extends ClockTimer {
  readonly due: number;
  readonly run: () => void;
  handle: NodeJS.Timeout | undefined;
}

/** The time everything local lives by: the wall clock plus what was jumped. Containers read the same offset. */
export class LocalClock {
  /** Milliseconds ahead of the wall clock, one float64, for the `Date` of the containers. */
  readonly shared = new SharedArrayBuffer(8);
  private readonly offset = new Float64Array(this.shared);
  private readonly pending = new Set<Pending>();
  private stopped = false;

  now(): number {
    return Date.now() + this.offset[0]!;
  }

  /** Runs once, when the local clock has moved on by so many milliseconds. */
  after(milliseconds: number, run: () => void): ClockTimer {
    const timer: Pending = { due: this.now() + milliseconds, run, handle: undefined, cancel: () => this.cancel(timer) };
    if (this.stopped) return timer;
    this.pending.add(timer);
    this.arm(timer);
    return timer;
  }

  /** Moves the clock; what fell due in between runs now, in order of its time. */
  jump(milliseconds: number): void {
    this.offset[0] = this.offset[0]! + milliseconds;
    for (const timer of [...this.pending].sort((a, b) => a.due - b.due)) this.arm(timer);
  }

  /** Ends all timers, and those that come too late. */
  stop(): void {
    this.stopped = true;
    for (const timer of this.pending) this.cancel(timer);
  }

  private arm(timer: Pending): void {
    clearTimeout(timer.handle);
    if (!this.pending.has(timer)) return;
    const remaining = timer.due - this.now();
    if (remaining <= 0) {
      timer.handle = setTimeout(() => this.fire(timer));
    } else {
      timer.handle = setTimeout(() => this.arm(timer), Math.min(remaining, longestTimeout));
    }
  }

  private fire(timer: Pending): void {
    this.pending.delete(timer);
    timer.run();
  }

  private cancel(timer: Pending): void {
    clearTimeout(timer.handle);
    this.pending.delete(timer);
  }
}
