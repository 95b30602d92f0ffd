import { Place } from '../shared/read-json';
import { InvalidAccessError } from './invalid-access-error';
import { type Rule, ruleList } from './rule';

/**
 * Reads rules from parsed JSON. The result lists the actions that `"all"` stands for, and can be written as JSON and read again.
 * Messages call the list `where`.
 *
 * @throws InvalidAccessError
 */
export function readRules(value: unknown, where = 'rules'): readonly Rule[] {
  return ruleList(value, new Place(where, InvalidAccessError));
}
