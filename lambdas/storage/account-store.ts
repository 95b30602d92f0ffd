import { type Account, type AccountStore, canHaveAccount } from '../access/accounts';
import type { DynamoDb } from '../aws/dynamodb';
import type { Log } from '../broker/ports/process';
import { accountKey, isAccount, readAccount } from './account-item';
import { type Item, readAll } from './dynamo';
import { versioned } from './versioned-dynamo';

/** Accounts as the broker reads them. Operators write them through `DynamoAccountDirectory`. */
export class DynamoAccountStore implements AccountStore {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
    private readonly log: Log,
  ) {
    this.db = versioned(db, { [table]: 'accounts' });
  }

  async readMany(usernames: readonly string[]): Promise<Map<string, Account>> {
    const keys = [...new Set(usernames)].filter(canHaveAccount).map(accountKey);
    const accounts = accountsIn(await readAll(this.db, this.table, keys), this.log);
    return new Map(accounts.map((account) => [account.username, account]));
  }
}

/** Skips accounts that cannot be read, so nobody logs in with them: their deny rules would be lost as well. */
export function accountsIn(items: readonly Item[], log: Log): Account[] {
  return items.filter(isAccount).flatMap((item) => {
    try {
      return [readAccount(item)];
    } catch (error) {
      log('unreadable account', { error: (error as Error).message });
      return [];
    }
  });
}
