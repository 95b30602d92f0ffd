import { setTimeout as sleep } from 'node:timers/promises';

/** Upper bound of the random pause before the first repetition is twice this, in milliseconds. It doubles each time. */
const basePause = 25;
const maxPause = 1000;

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
  await sleep(Math.random() * Math.min(maxPause, basePause * 2 ** (attempt - 1)));
}
