import type { FunctionName } from '../lambdas/deployment';
import type { CallFault, Fault, FrameFault } from './fault-rules';

/** Actions that `POST /faults` accepts besides faults; they take effect once, at once. */
export type Action =
  | { readonly fault: 'cut-socket'; readonly connectionId: string }
  | { readonly fault: 'kill-containers'; readonly function?: FunctionName }
  | { readonly fault: 'jump-clock'; readonly milliseconds: number }
  | { readonly fault: 'seed'; readonly seed: number };

const faults: readonly (Fault | Action)['fault'][] = [
  'call',
  'frame',
  'lose-disconnect',
  'cut-socket',
  'kill-containers',
  'jump-clock',
  'seed',
];
const outcomes: readonly CallFault['outcome'][] = ['throttle', 'fail', 'kill', 'partial', 'hold'];
const doings: readonly FrameFault['does'][] = ['duplicate', 'delay', 'reorder', 'cut'];

/**
 * Checks that the body of a request is a fault that can take effect.
 *
 * @throws Error with the field, its value and the allowed values
 */
export function checkFault(one: Fault | Action): void {
  checkChoice('fault', one.fault, faults);
  if (one.fault === 'call') checkChoice('outcome', one.outcome, outcomes);
  if (one.fault === 'frame') checkChoice('does', one.does, doings);
  if (one.fault === 'jump-clock' && !(Number.isFinite(one.milliseconds) && one.milliseconds >= 0)) {
    throw new Error(`milliseconds is ${JSON.stringify(one.milliseconds)}, but must be a number from 0`);
  }
}

function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw new Error(`${name} is ${JSON.stringify(value)}, but must be one of ${choices.join(', ')}`);
}
