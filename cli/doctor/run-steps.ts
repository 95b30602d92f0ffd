import { frameSteps } from './frame-steps';
import { messageSteps } from './message-steps';
import { networkSteps } from './network-steps';
import { packetSizeSteps } from './packet-size-steps';
import { sessionSteps } from './session-steps';
import type { Step } from './step';
import { type DoctorOptions, StepContext } from './step-context';
import { StepFailed, StepSkipped } from './step-errors';

/** All steps, in the order in which they run. */
export const steps: readonly Step[] = [
  ...networkSteps,
  ...frameSteps,
  ...messageSteps,
  ...packetSizeSteps,
  ...sessionSteps,
  { name: 'wire-format', title: 'all frames of the server follow docs/wire-format.md', check: checkViolations },
  { name: 'clean-up', title: 'sessions and retained messages are removed', needs: ['login'], check: cleanUp },
];

/** Result of a step, in the form of the JSON output. */
export interface StepOutcome {
  readonly step: string;
  readonly title: string;
  readonly outcome: 'pass' | 'fail' | 'skip';
  /** Details of the success or failure, or the reason of the skip. */
  readonly detail: string;
  readonly milliseconds: number;
}

/**
 * Selects steps by name, together with the steps that they need. Always includes `wire-format` and `clean-up`. Selects all
 * steps if there are no names.
 */
export function selectSteps(names: readonly string[]): readonly Step[] {
  if (names.length === 0) return steps;
  const selected = new Set(['wire-format', 'clean-up', ...names]);
  for (const { name, needs = [] } of [...steps].reverse()) {
    if (selected.has(name) && name !== 'clean-up') for (const needed of needs) selected.add(needed);
  }
  return steps.filter(({ name }) => selected.has(name));
}

/**
 * Runs steps in order and yields their outcomes. Skips a step if one that it needs did not pass. Cleans up if the consumer
 * ends the iteration early.
 */
export async function* runSteps(options: DoctorOptions, selected: readonly Step[]): AsyncGenerator<StepOutcome> {
  const context = new StepContext(options);
  const failed = new Set<string>();
  try {
    for (const step of selected) {
      const outcome = await runStep(step, context, failed);
      if (outcome.outcome === 'fail' || hasFailedPrerequisite(step, failed)) failed.add(step.name);
      yield outcome;
    }
  } finally {
    await context.cleanUp();
  }
}

function hasFailedPrerequisite({ needs = [] }: Step, failed: ReadonlySet<string>): boolean {
  return needs.some((name) => failed.has(name));
}

async function runStep(step: Step, context: StepContext, failed: ReadonlySet<string>): Promise<StepOutcome> {
  const start = performance.now();
  const { outcome, detail } = hasFailedPrerequisite(step, failed)
    ? { outcome: 'skip' as const, detail: `needs ${step.needs?.find((name) => failed.has(name))}` }
    : await checkStep(step, context);
  const { name, title } = step;
  return { step: name, title, outcome, detail, milliseconds: Math.round(performance.now() - start) };
}

async function checkStep(step: Step, context: StepContext): Promise<Pick<StepOutcome, 'outcome' | 'detail'>> {
  try {
    return { outcome: 'pass', detail: await step.check(context) };
  } catch (error) {
    if (error instanceof StepFailed) return { outcome: 'fail', detail: error.message };
    if (error instanceof StepSkipped) return { outcome: 'skip', detail: error.message };
    throw error;
  }
}

async function checkViolations({ violations }: StepContext): Promise<string> {
  if (violations.size > 0) throw new StepFailed(`violations of the wire format: ${[...violations].join('; ')}`);
  return 'only text frames of whole packets';
}

async function cleanUp(context: StepContext): Promise<string> {
  const failures = await context.cleanUp();
  if (failures.length > 0) throw new StepFailed(failures.join('; '));
  return 'removed';
}
