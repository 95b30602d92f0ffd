import { frameSteps } from './frame-steps';
import { trafficSteps } from './message-steps';
import { reachSteps } from './network-steps';
import { sizeSteps } from './packet-size-steps';
import { lastingSteps } from './session-steps';
import type { Step } from './step';
import { Examination, type Patient } from './step-context';
import { Finding, NotApplicable } from './step-errors';

export const steps: readonly Step[] = [
  ...reachSteps,
  ...frameSteps,
  ...trafficSteps,
  ...sizeSteps,
  ...lastingSteps,
  { name: 'wire-format', title: 'all frames of the server follow docs/wire-format.md', examine: judgeFrames },
  { name: 'clean-up', title: 'nothing is left behind', needs: ['login'], examine: cleanUp },
];

/** What became of a step. */
export interface Outcome {
  readonly step: string;
  readonly title: string;
  readonly outcome: 'pass' | 'fail' | 'skip';
  /** What was found, what is wrong, or why it was skipped. */
  readonly detail: string;
  readonly milliseconds: number;
}

/** Steps by their names, with those that they need; the last two always, all if none is named. */
export function chosenSteps(names: readonly string[]): readonly Step[] {
  if (names.length === 0) return steps;
  const chosen = new Set(['wire-format', 'clean-up', ...names]);
  for (const { name, needs = [] } of [...steps].reverse()) {
    if (chosen.has(name) && name !== 'clean-up') for (const needed of needs) chosen.add(needed);
  }
  return steps.filter(({ name }) => chosen.has(name));
}

/** Takes steps one after the other; those that need one that did not pass are skipped. Cleans up when it is left early. */
export async function* examine(patient: Patient, chosen: readonly Step[]): AsyncGenerator<Outcome> {
  const examination = new Examination(patient);
  const failed = new Set<string>();
  try {
    for (const step of chosen) {
      const outcome = await take(step, examination, failed);
      if (outcome.outcome === 'fail' || isInVain(step, failed)) failed.add(step.name);
      yield outcome;
    }
  } finally {
    await examination.end();
  }
}

function isInVain({ needs = [] }: Step, failed: ReadonlySet<string>): boolean {
  return needs.some((name) => failed.has(name));
}

async function take(step: Step, examination: Examination, failed: ReadonlySet<string>): Promise<Outcome> {
  const start = performance.now();
  const { outcome, detail } = isInVain(step, failed)
    ? { outcome: 'skip' as const, detail: `needs ${step.needs?.find((name) => failed.has(name))}` }
    : await attempt(step, examination);
  const { name, title } = step;
  return { step: name, title, outcome, detail, milliseconds: Math.round(performance.now() - start) };
}

async function attempt(step: Step, examination: Examination): Promise<Pick<Outcome, 'outcome' | 'detail'>> {
  try {
    return { outcome: 'pass', detail: await step.examine(examination) };
  } catch (error) {
    if (error instanceof Finding) return { outcome: 'fail', detail: error.message };
    if (error instanceof NotApplicable) return { outcome: 'skip', detail: error.message };
    throw error;
  }
}

async function judgeFrames({ breaches }: Examination): Promise<string> {
  if (breaches.size > 0) throw new Finding(`there came ${[...breaches].join('; ')}`);
  return 'base64 of whole packets, and nothing else';
}

async function cleanUp(examination: Examination): Promise<string> {
  const failures = await examination.end();
  if (failures.length > 0) throw new Finding(failures.join('; '));
  return 'sessions and retained messages are removed';
}
