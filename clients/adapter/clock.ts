/** What a timer can be asked. */
export interface Timer {
  cancel(): void;
}

/** The time an adapter lives by, so that two hours can pass quickly in a test. Milliseconds throughout. */
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
