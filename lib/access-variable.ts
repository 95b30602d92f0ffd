import { readAccessFile } from '../lambdas/access/access-file';
import { closedAccess, packAccess } from '../lambdas/access/read-access';
import { accessVariable } from '../lambdas/deployment';

/**
 * Maximum bytes of the packed access, bridge and events configuration together. Lambda allows 4 KB for all environment variables of
 * a function. Names of tables and queues, which only CloudFormation knows, and the settings take up to 1,500 of them.
 */
export const configurationBudget = 2500;

/**
 * Returns the environment variable with the access configuration.
 *
 * @param file path of the access file (docs/access.md); empty: only users of the accounts table may connect
 * @throws Error if the file cannot be read, is invalid, or exceeds `configurationBudget` when packed
 */
export function accessVariableOf(file: string): Record<string, string> {
  const packed = packAccess(file === '' ? closedAccess : readAccessFile(file));
  if (packed.length > configurationBudget) {
    const size = `${file} is ${packed.length} bytes when packed, but the environment of the functions has room for ${configurationBudget}`;
    throw new Error(`${size}; move rules into the accounts of users, or into a claim of tokens (rulesClaim)`);
  }
  return { [accessVariable]: packed };
}
