import { setTimeout as sleep } from 'node:timers/promises';

/** Half of the longest pause before a call is first repeated, in milliseconds; it doubles each time. */
const firstPause = 25;
const longestPause = 1000;

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
  await sleep(Math.random() * Math.min(longestPause, firstPause * 2 ** (attempt - 1)));
}
