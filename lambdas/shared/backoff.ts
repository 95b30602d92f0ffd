/** Pauses between repetitions, each at most twice as long as the one before. */
export interface Backoff {
  /** Upper limit of the first pause, in milliseconds. */
  readonly firstMs: number;
  /** Upper limit of every pause, in milliseconds. */
  readonly maxMs: number;
  /** Random part of a pause: 1 takes it from 0 to its limit, 0.5 from half of the limit on, 0 always takes the limit. */
  readonly jitter: number;
}

/**
 * The pause before a repetition, in milliseconds; the first repetition has number 1. The random part keeps callers that failed
 * together from repeating together (AWS Architecture Blog, "Exponential Backoff And Jitter").
 */
export function backoffMs(repetition: number, { firstMs, maxMs, jitter }: Backoff): number {
  const limit = Math.min(maxMs, firstMs * 2 ** (repetition - 1));
  return limit * (1 - jitter * Math.random());
}
