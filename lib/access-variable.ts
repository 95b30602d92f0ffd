import { readAccessFile } from '../lambdas/access/access-file';
import { closedAccess, packAccess } from '../lambdas/access/read-access';
import { accessVariable } from '../lambdas/deployment';

/**
 * Bytes of the packed configuration. Lambda allows 4 KB for all variables of a function together; the names of tables and
 * queues are known only to CloudFormation, and with the settings they take up to 1,500.
 */
export const accessBudget = 2500;

/** The variable that tells functions who may come in: as a file says, or users of the accounts table only when there is none. */
export function accessVariableOf(file: string): Record<string, string> {
  const packed = packAccess(file === '' ? closedAccess : readAccessFile(file));
  if (packed.length > accessBudget) {
    const size = `${file} is ${packed.length} bytes when packed, but the environment of the functions has room for ${accessBudget}`;
    throw new Error(`${size}; move rules into the accounts of users, or into a claim of tokens (rulesClaim)`);
  }
  return { [accessVariable]: packed };
}
