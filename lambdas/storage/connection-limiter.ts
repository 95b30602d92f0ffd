import { type AttributeValue, DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { ConnectionLimiter, LimitedConnection } from '../broker/ports/accounts';
import { number, readNumber, text } from './attributes';
import { type Item, queryAll, unlessConditionFailed } from './dynamo';
import { keyOf, maxPartitionKeyBytes, maxSortKeyBytes } from './shortened-keys';
import { versioned } from './versioned-dynamo';

const connectionPrefix = 'seat#';

/**
 * API Gateway ends every connection after two hours. A row whose removal was lost counts until then, in milliseconds.
 */
const maxConnectionMilliseconds = (2 * 60 + 5) * 60_000;

/** Rows in the logins table, one for each connected client of a user with limited connections. */
export class DynamoConnectionLimiter implements ConnectionLimiter {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'logins' });
  }

  async acquire({ account, clientId, connectionId }: LimitedConnection, now: number): Promise<number> {
    const key = rowKey(account, clientId);
    const expiresAt = number(Math.ceil((now + maxConnectionMilliseconds) / 1000));
    const Item = { ...key, connectionId: text(connectionId), since: number(now), expiresAt };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
    const connections = await queryAll(this.db, {
      TableName: this.table,
      KeyConditionExpression: 'id = :account AND begins_with(part, :prefix)',
      ExpressionAttributeValues: { ':account': key.id, ':prefix': text(connectionPrefix) },
    });
    return connections.filter(({ since }) => readNumber(since) > now - maxConnectionMilliseconds).length;
  }

  async release({ account, clientId, connectionId }: LimitedConnection): Promise<void> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: rowKey(account, clientId),
      ConditionExpression: 'connectionId = :connectionId',
      ExpressionAttributeValues: { ':connectionId': text(connectionId) },
    });
    await unlessConditionFailed(this.db.send(command));
  }
}

function rowKey(account: string, clientId: string): Item & Record<'id' | 'part', AttributeValue> {
  return {
    id: text(keyOf(account, maxPartitionKeyBytes)),
    part: text(keyOf(clientId, maxSortKeyBytes, connectionPrefix)),
  };
}
