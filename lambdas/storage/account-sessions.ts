import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { AccountSessions } from '../broker/ports/accounts';
import { readText, text } from './attributes';
import { type Item, queryAll } from './dynamo';
import { keyOf, maxPartitionKeyBytes, maxSortKeyBytes } from './shortened-keys';
import { versioned } from './versioned-dynamo';

/** No client id begins with U+0000 [MQTT-1.5.4-2], so these rows belong to no session. */
const accountPrefix = '\0account#';
const sessionPrefix = 'session#';

/** Rows in the sessions table, one for each session of an account that outlives its connections. */
export class DynamoAccountSessions implements AccountSessions {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'sessions' });
  }

  async add(account: string, clientId: string): Promise<string[]> {
    const Item = { ...rowKey(account, clientId), clientId: text(clientId) };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
    const rows = await queryAll(this.db, {
      TableName: this.table,
      KeyConditionExpression: 'id = :account AND begins_with(part, :prefix)',
      ExpressionAttributeValues: { ':account': accountKey(account), ':prefix': text(sessionPrefix) },
    });
    return rows.map((row) => readText(row.clientId));
  }

  async remove(account: string, clientId: string): Promise<void> {
    await this.db.send(new DeleteItemCommand({ TableName: this.table, Key: rowKey(account, clientId) }));
  }
}

function accountKey(account: string) {
  return text(keyOf(accountPrefix + account, maxPartitionKeyBytes));
}

function rowKey(account: string, clientId: string): Item {
  return { id: accountKey(account), part: text(keyOf(clientId, maxSortKeyBytes, sessionPrefix)) };
}
