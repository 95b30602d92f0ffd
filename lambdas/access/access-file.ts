import { readJsonFile } from '../shared/json-file';
import type { AccessConfig } from './access-config';
import { InvalidAccessError } from './invalid-access-error';
import { readAccess } from './read-access';
import { readRules } from './read-rules';
import type { Rule } from './rule';

/**
 * Reads the access configuration from a file of JSON.
 *
 * @throws InvalidAccessError that names the file and the place in it
 */
export function readAccessFile(path: string): AccessConfig {
  return readAccess(readJsonFile(path, InvalidAccessError), path);
}

/**
 * Reads a list of rules from a file of JSON.
 *
 * @throws InvalidAccessError that names the file and the place in it
 */
export function readRulesFile(path: string): readonly Rule[] {
  return readRules(readJsonFile(path, InvalidAccessError), path);
}
