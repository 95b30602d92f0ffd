import { DeleteItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { DebugClientStore } from '../broker/ports/debug-clients';
import { number, readNumber, readText, text } from './attributes';
import type { Item } from './dynamo';
import { keyOf, maxSortKeyBytes } from './shortened-keys';
import { versioned } from './versioned-dynamo';

const partition = 'watch';

/** Clients whose packets are logged for a limited time: one partition of the accounts table. */
export class DynamoDebugClients implements DebugClientStore {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'accounts' });
  }

  keyOf(clientId: string): string {
    return keyOf(clientId, maxSortKeyBytes);
  }

  /**
   * Eventually consistent, at half the price: a delay of seconds does no harm. One megabyte, which is one page, has
   * thousands of clients.
   */
  async read(): Promise<ReadonlyMap<string, number>> {
    const { Items = [] } = await this.db.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: 'id = :partition',
        ExpressionAttributeValues: { ':partition': text(partition) },
      }),
    );
    return new Map(Items.map(({ part, until }) => [readText(part), readNumber(until)]));
  }

  /** `until` is in milliseconds since 1970. */
  async add(clientId: string, until: number): Promise<void> {
    const Item = { ...this.key(clientId), until: number(until), expiresAt: number(Math.ceil(until / 1000)) };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
  }

  /** Reads before it deletes: a deletion that is repeated after a lost response finds nothing. */
  async remove(clientId: string): Promise<'removed' | 'absent'> {
    const isThere = (await this.read()).has(this.keyOf(clientId));
    await this.db.send(new DeleteItemCommand({ TableName: this.table, Key: this.key(clientId) }));
    return isThere ? 'removed' : 'absent';
  }

  private key(clientId: string): Item {
    return { id: text(partition), part: text(this.keyOf(clientId)) };
  }
}
