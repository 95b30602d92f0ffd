/** A pending callback. */
export interface Timer {
  cancel(): void;
}

/** The source of time of an adapter, so that tests can let hours pass. All values are milliseconds. */
export interface Clock {
  now(): number;
  after(milliseconds: number, run: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, run) {
    const handle = setTimeout(run, milliseconds);
    return { cancel: () => clearTimeout(handle) };
  },
};
