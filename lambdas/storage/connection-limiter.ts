import { type AttributeValue, DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import type { ConnectionLimiter, LimitedConnection } from '../broker/ports/accounts';
import { number, readNumber, text } from './attributes';
import { conditionFailed, type Item, queryAll } from './dynamo';
import { keyOf, maximumPartitionKey, maximumSortKey } from './keys';
import { versioned } from './versioned-dynamo';

const seatPrefix = 'seat#';

/** API Gateway ends every connection after two hours; a seat that was not left counts no longer than that, in milliseconds. */
const longestSeat = (2 * 60 + 5) * 60_000;

/** One row for each connected client of a user whose connections are limited. */
export class DynamoConnectionLimiter implements ConnectionLimiter {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'logins' });
  }

  async acquire({ account, clientId, connectionId }: LimitedConnection, now: number): Promise<number> {
    const key = seatKey(account, clientId);
    const expiresAt = number(Math.ceil((now + longestSeat) / 1000));
    const Item = { ...key, connectionId: text(connectionId), since: number(now), expiresAt };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
    const seats = await queryAll(this.db, {
      TableName: this.table,
      KeyConditionExpression: 'id = :account AND begins_with(part, :prefix)',
      ExpressionAttributeValues: { ':account': key.id, ':prefix': text(seatPrefix) },
    });
    return seats.filter(({ since }) => readNumber(since) > now - longestSeat).length;
  }

  async release({ account, clientId, connectionId }: LimitedConnection): Promise<void> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: seatKey(account, clientId),
      ConditionExpression: 'connectionId = :connectionId',
      ExpressionAttributeValues: { ':connectionId': text(connectionId) },
    });
    await this.db.send(command).catch((error) => {
      if (!conditionFailed(error)) throw error;
    });
  }
}

function seatKey(account: string, clientId: string): Item & Record<'id' | 'part', AttributeValue> {
  return { id: text(keyOf(account, maximumPartitionKey)), part: text(keyOf(clientId, maximumSortKey, seatPrefix)) };
}
