import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  type ScanCommandOutput,
} from '@aws-sdk/client-dynamodb';
import type { Account, AccountDirectory } from '../access/accounts';
import type { DynamoDb } from '../aws/lean-dynamodb';
import { accountItem, accountKey, isAccount, readAccount } from './account-item';
import { conditionFailed, type Item } from './dynamo';
import { formed } from './formed-dynamo';

/** Accounts as an operator sees them. It scans, so it takes the SDK's client. */
export class DynamoAccountDirectory implements AccountDirectory {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = formed(db, { [table]: 'accounts' });
  }

  async read(username: string): Promise<Account | undefined> {
    const command = new GetItemCommand({ TableName: this.table, Key: accountKey(username), ConsistentRead: true });
    const { Item } = await this.db.send(command);
    return Item && readAccount(Item);
  }

  /** An account that is there may be this very one, whose answer was lost: no other has its hash with the same salt. */
  async create(account: Account): Promise<'created' | 'exists'> {
    if ((await this.put(account, 'attribute_not_exists(id)')) === 'done') return 'created';
    const found = await this.read(account.username);
    return found && textOf(found) === textOf(account) ? 'created' : 'exists';
  }

  async replace(account: Account): Promise<'replaced' | 'absent'> {
    const condition = 'attribute_exists(id)';
    return (await this.put(account, condition)) === 'done' ? 'replaced' : 'absent';
  }

  /** Whether it was there is read before: a deletion that is repeated because its answer was lost finds nothing. */
  async remove(username: string): Promise<'removed' | 'absent'> {
    const Key = accountKey(username);
    const { Item } = await this.db.send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }));
    if (!Item) return 'absent';
    await this.db.send(new DeleteItemCommand({ TableName: this.table, Key }));
    return 'removed';
  }

  async *list(): AsyncGenerator<Account[]> {
    let start: Item | undefined;
    do {
      const command = new ScanCommand({ TableName: this.table, ConsistentRead: true, ExclusiveStartKey: start });
      const page: ScanCommandOutput = await this.db.send(command);
      yield (page.Items ?? []).filter(isAccount).map(readAccount);
      start = page.LastEvaluatedKey;
    } while (start);
  }

  private async put(account: Account, ConditionExpression: string): Promise<'done' | 'unmet'> {
    try {
      await this.db.send(
        new PutItemCommand({ TableName: this.table, Item: accountItem(account), ConditionExpression }),
      );
      return 'done';
    } catch (error) {
      if (conditionFailed(error)) return 'unmet';
      throw error;
    }
  }
}

function textOf(account: Account): string {
  return JSON.stringify(accountItem(account));
}
