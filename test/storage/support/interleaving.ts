import { setImmediate as turn } from 'node:timers/promises';
import type { Gate } from './engine';

/** The work of one writer. All its requests pass its gate. */
export type Program = (gate: Gate) => Promise<unknown>;

/** Runs programs concurrently in one order of their requests. */
export type Race = (...programs: readonly Program[]) => Promise<void>;

/** Plays a round for each possible order of the programs' requests. Returns the number of rounds. */
export async function everyInterleaving(playRound: (race: Race, round: number) => Promise<void>): Promise<number> {
  let rounds = 0;
  for (let order: number[] | undefined = []; order; rounds++) {
    const schedule: Schedule = new Schedule(order);
    await playRound((...programs) => schedule.race(programs), rounds);
    order = schedule.next();
  }
  return rounds;
}

/** Runs programs in one order. Each step is the index of the next program among those that still run. */
export async function inOrder(order: readonly number[], ...programs: readonly Program[]): Promise<void> {
  await new Schedule(order).race(programs);
}

/** A gate that passes so many requests; then the worker is dead. */
export function dyingAfter(requests: number, gate: Gate): Gate {
  let left = requests;
  return (request) => (left-- > 0 ? gate(request) : Promise.reject(new WorkerDied()));
}

class WorkerDied extends Error {}

/** Repeats work after the worker died, as the queue would. */
export async function untilDone(attempt: () => Promise<unknown>, again: () => Promise<unknown>): Promise<void> {
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof WorkerDied)) throw error;
    await again();
  }
}

/** One order of requests, step by step. After the given steps the first waiting writer continues. */
class Schedule {
  private readonly steps: { chosen: number; choices: number }[] = [];

  constructor(private readonly order: readonly number[]) {}

  async race(programs: readonly Program[]): Promise<void> {
    const writers = programs.map((program) => new Writer(program));
    for (;;) {
      for (const writer of writers) await writer.settled();
      const ready = writers.filter((writer) => writer.waits);
      if (ready.length === 0) break;
      const chosen = this.order[this.steps.length] ?? 0;
      this.steps.push({ chosen, choices: ready.length });
      const writer = ready[chosen];
      if (!writer) throw new Error('the programs do not make the same requests every time');
      writer.proceed();
    }
    await Promise.all(writers.map(({ result }) => result));
  }

  /** Returns the next order, which differs from this one as late as possible. */
  next(): number[] | undefined {
    const steps = [...this.steps];
    for (let last = steps.pop(); last; last = steps.pop()) {
      if (last.chosen + 1 < last.choices) return [...steps.map(({ chosen }) => chosen), last.chosen + 1];
    }
    return undefined;
  }
}

/** A running program that stops before each of its requests. */
class Writer {
  readonly result: Promise<unknown>;
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private over = false;

  constructor(program: Program) {
    this.result = program((request) => this.pass(request)).finally(() => {
      this.over = true;
    });
    this.result.catch(() => undefined); // the caller of the race gets it
  }

  get waits(): boolean {
    return this.waiting.length > 0;
  }

  proceed(): void {
    this.running += 1;
    this.waiting.shift()?.();
  }

  /** Resolves when the program waits at a request, or has ended. */
  async settled(): Promise<void> {
    while (this.running > 0 || (!this.over && !this.waits)) await turn();
  }

  private async pass<Answer>(request: () => Promise<Answer>): Promise<Answer> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    return request().finally(() => {
      this.running -= 1;
    });
  }
}
