import type { Account, AccountDirectory } from '../../lambdas/access/accounts';
import { quoted } from './describe-account';

/** The account of a user that has to have one. */
export async function existingAccount(directory: AccountDirectory, username: string): Promise<Account> {
  const account = await directory.read(username);
  if (!account) throw noUser(username);
  return account;
}

export function noUser(username: string): Error {
  return new Error(`there is no user ${quoted(username)}`);
}
