import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { Usage } from '../broker/model/usage';
import type { Usages } from '../broker/ports/accounts';
import { allowanceAttribute, readAllowance } from './allowances';
import { number, readNumber, text } from './attributes';
import { keyOf, maximumPartitionKey } from './keys';
import { versioned } from './versioned-dynamo';

/** Seconds: by then everybody may use everything again. */
const keptSeconds = 3600;

/** One row for each account that has lately used much, in the inflight table, whose rows have a time to live. */
export class DynamoUsages implements Usages {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'inflight' });
  }

  async read(account: string): Promise<Usage | undefined> {
    const command = new GetItemCommand({ TableName: this.table, Key: rowKey(account), ConsistentRead: true });
    const { Item } = await this.db.send(command);
    if (!Item) return undefined;
    return { debt: readNumber(Item.debt), at: readNumber(Item.at), ...readAllowance(Item) };
  }

  async write(account: string, { allowance, debt, at }: Usage): Promise<void> {
    const Item = {
      ...rowKey(account),
      debt: number(debt),
      at: number(at),
      ...(allowance ? { allowance: allowanceAttribute(allowance) } : {}),
      expiresAt: number(Math.ceil(at / 1000) + keptSeconds),
    };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
  }
}

/** No session is named so: client ids and fences have no such character. */
function rowKey(account: string) {
  return { session: text(keyOf(`\0account#${account}`, maximumPartitionKey)), slot: text('usage') };
}
