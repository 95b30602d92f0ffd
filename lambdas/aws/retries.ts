import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../shared/backoff';

const backoff = { firstMs: 50, maxMs: 1_000, jitter: 1 };

/** Attempts at a call until one comes to something else, with random pauses, at most so many. */
export async function repeatWhile<Outcome>(
  isWorthRepeating: (outcome: Outcome) => boolean,
  attempts: number,
  attempt: () => Promise<Outcome>,
): Promise<Outcome> {
  for (let number = 1; ; number++) {
    const outcome = await attempt();
    if (number === attempts || !isWorthRepeating(outcome)) return outcome;
    await pauseBefore(number + 1);
  }
}

/** A random pause before an attempt of this number, of which the second is the first repetition. */
export async function pauseBefore(attempt: number): Promise<void> {
  await sleep(backoffMs(attempt - 1, backoff));
}
