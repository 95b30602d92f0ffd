// setTimeout counts in a signed 32-bit integer; longer waits are made of several.
const maxTimeout = 2 ** 31 - 1;

/** What is shared of a clock: milliseconds that it is ahead of the wall clock, and the wall clock's time at which it was held, or 0. */
const [ahead, held] = [0, 1];

/** The time on a clock that is shared, when it is so late on the wall clock. */
export function timeOn(shared: Float64Array, wallTime: number): number {
  return (shared[held] || wallTime) + shared[ahead]!;
}

/** A timer on the local clock. */
export interface ClockTimer {
  cancel(): void;
}

interface Pending extends ClockTimer {
  readonly due: number;
  readonly run: () => void;
  handle: NodeJS.Timeout | undefined;
}

/** The time everything local lives by: the wall clock plus what was jumped. Containers read the same. */
export class LocalClock {
  /** For the `Date` of the containers: `timeOn` reads it. */
  readonly shared = new SharedArrayBuffer(16);
  private readonly shift = new Float64Array(this.shared);
  private readonly pending = new Set<Pending>();
  private stopped = false;

  now(): number {
    return timeOn(this.shift, Date.now());
  }

  /** Runs once, when the local clock has moved on by so many milliseconds. */
  after(milliseconds: number, run: () => void): ClockTimer {
    const timer: Pending = { due: this.now() + milliseconds, run, handle: undefined, cancel: () => this.cancel(timer) };
    if (this.stopped) return timer;
    this.pending.add(timer);
    this.arm(timer);
    return timer;
  }

  /** Stands still from now on but for jumps: nothing falls due because a machine is slow. */
  hold(): void {
    this.shift[held] ||= Date.now();
  }

  /** Moves the clock; what fell due in between runs now, in order of its time. */
  jump(milliseconds: number): void {
    this.shift[ahead] = this.shift[ahead]! + milliseconds;
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
    } else if (this.shift[held] === 0) {
      timer.handle = setTimeout(() => this.arm(timer), Math.min(remaining, maxTimeout));
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
