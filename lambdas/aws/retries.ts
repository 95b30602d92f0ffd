import { setTimeout as sleep } from 'node:timers/promises';
import { type Backoff, backoffMs } from '../shared/backoff';

const backoff: Backoff = { firstMs: 50, maxMs: 1_000, jitter: 1 };

/** Repeats `attempt`, with random pauses, while its outcome is worth repeating and attempts are left. Returns the last outcome. */
export async function repeatWhile<Outcome>(
  isWorthRepeating: (outcome: Outcome) => boolean,
  maxAttempts: number,
  attempt: () => Promise<Outcome>,
): Promise<Outcome> {
  for (let number = 1; ; number++) {
    const outcome = await attempt();
    if (number === maxAttempts || !isWorthRepeating(outcome)) return outcome;
    await pauseBefore(number + 1);
  }
}

/** Waits for a random time before the attempt with this number. The second attempt is the first repetition. */
export async function pauseBefore(attempt: number): Promise<void> {
  await sleep(backoffMs(attempt - 1, backoff));
}
