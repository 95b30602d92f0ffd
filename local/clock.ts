// setTimeout takes a signed 32-bit integer; longer waits consist of several timers.
const maxTimeout = 2 ** 31 - 1;

/**
 * Indexes of the shared values: milliseconds that the clock is ahead of the wall clock, and the wall clock's time when
 * it was stopped, or 0.
 */
const [ahead, held] = [0, 1];

/** Returns the time of a shared clock at a time of the wall clock. */
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

/** The clock of the local cloud: the wall clock plus all jumps. Containers share it. */
export class LocalClock {
  /** Memory that `timeOn` reads, for the `Date` of the containers. */
  readonly shared = new SharedArrayBuffer(16);
  private readonly shift = new Float64Array(this.shared);
  private readonly pending = new Set<Pending>();
  private stopped = false;

  now(): number {
    return timeOn(this.shift, Date.now());
  }

  /** Runs `run` once, when the local clock has advanced by so many milliseconds. */
  after(milliseconds: number, run: () => void): ClockTimer {
    const timer: Pending = { due: this.now() + milliseconds, run, handle: undefined, cancel: () => this.cancel(timer) };
    if (this.stopped) return timer;
    this.pending.add(timer);
    this.arm(timer);
    return timer;
  }

  /** Stops the clock except for jumps, so that nothing becomes due because a machine is slow. */
  hold(): void {
    this.shift[held] ||= Date.now();
  }

  /** Moves the clock. Timers that became due run now, in the order of their times. */
  jump(milliseconds: number): void {
    this.shift[ahead] = this.shift[ahead]! + milliseconds;
    for (const timer of [...this.pending].sort((a, b) => a.due - b.due)) this.arm(timer);
  }

  /** Cancels all timers, and those that are started later. */
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
