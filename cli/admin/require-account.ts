import type { Account, AccountDirectory } from '../../lambdas/access/accounts';
import { quoted } from '../terminal-text';

/** Reads the account of a user. @throws Error if there is none. */
export async function requireAccount(directory: AccountDirectory, username: string): Promise<Account> {
  const account = await directory.read(username);
  if (!account) throw unknownUser(username);
  return account;
}

export function unknownUser(username: string): Error {
  return new Error(`no such user: ${quoted(username)}`);
}
