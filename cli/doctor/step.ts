import type { Examination } from './step-context';

/** One thing that is examined. */
export interface Step {
  readonly name: string;
  /** What is right, in words. */
  readonly title: string;
  /** Steps without which this one tells nothing. */
  readonly needs?: readonly string[];
  /** What was found, in words. Throws a Finding when it is wrong, NotApplicable when there is nothing to examine. */
  readonly examine: (examination: Examination) => Promise<string>;
}

export function milliseconds(duration: number): string {
  return duration < 10 ? `${duration.toFixed(1)} ms` : `${Math.round(duration)} ms`;
}
