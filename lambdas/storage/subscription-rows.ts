import { QueryCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { SessionId } from '../broker/model/fence';
import { readText, text } from './attributes';
import { type Item, queryAll, readAll, writeAll } from './dynamo';
import { keyOf, maxSortKeyBytes } from './shortened-keys';

/** Prefix of the sort key; the name of the subscription follows. */
export const subscriptionPrefix = 'sub#';

/** Rows of the sessions table: the names of a session's subscriptions, by which its end finds them in the topic index. */
export class SubscriptionRows {
  constructor(
    private readonly db: DynamoDb,
    private readonly table: string,
  ) {}

  async put(session: SessionId, names: readonly string[]): Promise<void> {
    const rows = [...new Set(names)].map((name) => ({
      PutRequest: { Item: { ...rowKey(session, name), filter: text(name) } },
    }));
    await writeAll(this.db, this.table, rows);
  }

  async remove(session: SessionId, names: readonly string[]): Promise<void> {
    const rows = [...new Set(names)].map((name) => ({ DeleteRequest: { Key: rowKey(session, name) } }));
    await writeAll(this.db, this.table, rows);
  }

  async existing(session: SessionId, names: readonly string[]): Promise<Set<string>> {
    const keys = [...new Set(names)].map((name) => rowKey(session, name));
    return new Set((await readAll(this.db, this.table, keys)).map((item) => readText(item.filter)));
  }

  async list(session: SessionId): Promise<string[]> {
    const items = await queryAll(this.db, this.query(session));
    return items.map((item) => readText(item.filter));
  }

  async someOf(session: SessionId, limit: number): Promise<{ names: string[]; hasMore: boolean }> {
    const query = { ...this.query(session), Limit: limit, ConsistentRead: true };
    const { Items = [], LastEvaluatedKey } = await this.db.send(new QueryCommand(query));
    return { names: Items.map((item) => readText(item.filter)), hasMore: LastEvaluatedKey !== undefined };
  }

  private query(session: SessionId): QueryCommandInput {
    return {
      TableName: this.table,
      KeyConditionExpression: 'id = :session AND begins_with(part, :prefix)',
      ExpressionAttributeValues: { ':session': text(session), ':prefix': text(subscriptionPrefix) },
    };
  }
}

function rowKey(session: SessionId, name: string): Item {
  return { id: text(session), part: text(keyOf(name, maxSortKeyBytes, subscriptionPrefix)) };
}
