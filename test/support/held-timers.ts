import { jest } from '@jest/globals';

/**
 * The time of `setTimeout` and `performance` stands still until `jest.advanceTimersByTime`; what waits by them loses no race against a
 * slow machine. Sockets and `node:timers/promises` go on. `jest.useRealTimers` ends it.
 */
export function holdTimers(): void {
  jest.useFakeTimers({
    doNotFake: [
      ...(['Date', 'hrtime', 'nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
      ...(['setInterval', 'clearInterval'] as const),
    ],
  });
}
