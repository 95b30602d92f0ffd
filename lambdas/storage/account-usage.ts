import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { Usage } from '../broker/model/usage';
import type { Usages } from '../broker/ports/accounts';
import { allowanceAttribute, number, readAllowance, readNumber, text } from './attributes';
import { keyOf, maxPartitionKeyBytes } from './shortened-keys';
import { versioned } from './versioned-dynamo';

/** Seconds after which a row has no effect: by then every account has its full allowance again. */
const keptSeconds = 3600;

/** Rows in the inflight table, which has a time to live: one for each account with recent usage. */
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

/** No session id begins with U+0000: client ids and fences cannot contain it. */
function rowKey(account: string) {
  return { session: text(keyOf(`\0account#${account}`, maxPartitionKeyBytes)), slot: text('usage') };
}
