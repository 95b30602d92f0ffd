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

  async create(account: Account): Promise<'created' | 'exists'> {
    const condition = 'attribute_not_exists(id)';
    return (await this.put(account, condition)) === 'done' ? 'created' : 'exists';
  }

  async replace(account: Account): Promise<'replaced' | 'absent'> {
    const condition = 'attribute_exists(id)';
    return (await this.put(account, condition)) === 'done' ? 'replaced' : 'absent';
  }

  async remove(username: string): Promise<'removed' | 'absent'> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: accountKey(username),
      ReturnValues: 'ALL_OLD',
    });
    const { Attributes } = await this.db.send(command);
    return Attributes ? 'removed' : 'absent';
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
