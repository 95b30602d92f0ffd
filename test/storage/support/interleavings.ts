import type { Gate } from './engine';

/** Starts the workers of one run, each with its own gate. */
export type Start = (gates: readonly Gate[]) => Promise<readonly (() => Promise<unknown>)[]>;

interface Waiting {
  readonly proceed: () => Promise<unknown>;
}

/**
 * Runs the workers once, in one order of their requests. `order` names the worker that continues at each step; after
 * its end the first waiting one continues. Returns how many workers could have continued at each step.
 */
async function runOnce(count: number, order: readonly number[], start: Start): Promise<number[]> {
  const waiting = new Map<number, Waiting>();
  let changed: () => void = () => undefined;
  const gateOf = (index: number): Gate => {
    return (request) =>
      new Promise((resolve, reject) => {
        const proceed = () => {
          const answer = request();
          answer.then(resolve, reject);
          return answer.catch(() => undefined);
        };
        waiting.set(index, { proceed });
        changed();
      });
  };
  const workers = await start(Array.from({ length: count }, (_, index) => gateOf(index)));
  const over = new Set<number>();
  const outcomes = workers.map((run, index) =>
    run().finally(() => {
      over.add(index);
      changed();
    }),
  );
  const choices: number[] = [];
  for (;;) {
    await new Promise<void>((resolve) => {
      const isQuiet = () => workers.every((_, index) => over.has(index) || waiting.has(index));
      changed = () => isQuiet() && resolve();
      changed();
    });
    const ready = [...waiting.keys()].sort();
    if (ready.length === 0) break;
    const chosen = ready[order[choices.length] ?? 0] ?? 0;
    const { proceed } = waiting.get(chosen) as Waiting;
    waiting.delete(chosen);
    choices.push(ready.length);
    await proceed();
  }
  await Promise.all(outcomes);
  return choices;
}

/**
 * Runs the workers in every possible order of their requests; returns the number of orders. `check` inspects each
 * outcome.
 */
export async function everyInterleaving(count: number, start: Start, check: (order: string) => Promise<void>) {
  let order: number[] | undefined = [];
  let runs = 0;
  while (order) {
    const choices: number[] = await runOnce(count, order, start);
    const taken = choices.map((_, step) => order?.[step] ?? 0);
    await check(taken.join(''));
    runs += 1;
    order = next(taken, choices);
  }
  return runs;
}

/** Returns the next order in a walk through the tree of choices; undefined after the last. */
function next(taken: readonly number[], choices: readonly number[]): number[] | undefined {
  for (let step = taken.length - 1; step >= 0; step--) {
    const choice = taken[step] ?? 0;
    if (choice + 1 < (choices[step] ?? 0)) return [...taken.slice(0, step), choice + 1];
  }
  return undefined;
}
