import type { StepContext } from './step-context';

/** One check of the doctor. */
export interface Step {
  /** Name for `--only` and the output. */
  readonly name: string;
  /** Statement that is true if the step passes. */
  readonly title: string;
  /** Names of steps that must pass before this one. */
  readonly needs?: readonly string[];
  /** Performs the step and returns details of its success. @throws StepFailed, StepSkipped */
  readonly check: (context: StepContext) => Promise<string>;
}

/** Formats milliseconds. */
export function formatDuration(duration: number): string {
  return duration < 10 ? `${duration.toFixed(1)} ms` : `${Math.round(duration)} ms`;
}
