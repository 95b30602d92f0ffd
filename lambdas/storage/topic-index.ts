import { DeleteItemCommand, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import type { SessionId, Subscriber, TopicIndex } from '../broker/ports';
import type { QoS } from '../protocol/packets';
import { number, readNumber, readText, text } from './attributes';
import { conditionFailed, type Item, queryAll } from './dynamo';
import { keyOf, maximumPartitionKey, maximumSortKey } from './keys';

/** The one item that lists the shapes, an attribute each. No filter contains U+0000, so none can collide with it. */
export const shapesKey: Item = { filter: text('\u0000shapes'), clientId: text('\u0000') };

/** Shapes and their revisions. */
export function readShapes(item: Item | undefined): Map<string, number> {
  const entries = Object.entries(item ?? {}).filter(([name]) => !(name in shapesKey));
  return new Map(entries.map(([shape, revision]) => [shape, readNumber(revision)]));
}

/** Subscriptions by topic filter, and the list of shapes they have. */
export class DynamoTopicIndex implements TopicIndex {
  constructor(
    private readonly db: DynamoDb,
    private readonly table: string,
  ) {}

  async shapes(): Promise<Map<string, number>> {
    const command = new GetItemCommand({ TableName: this.table, Key: shapesKey, ConsistentRead: true });
    return readShapes((await this.db.send(command)).Item);
  }

  async subscribers(filter: string): Promise<Subscriber[]> {
    const items = await this.partition(keyOf(filter, maximumPartitionKey));
    return items.map((item) => ({
      filter,
      clientId: readText(item.client ?? item.clientId),
      session: readText(item.session),
      qos: readNumber(item.qos) as QoS,
    }));
  }

  async put(subscriber: Subscriber): Promise<'put' | 'late'> {
    try {
      await this.db.send(
        new PutItemCommand({
          TableName: this.table,
          Item: {
            ...rowKey(subscriber.filter, subscriber.clientId),
            ...fullClientId(subscriber.clientId),
            session: text(subscriber.session),
            qos: number(subscriber.qos),
          },
          ConditionExpression: 'attribute_not_exists(#session) OR #session <= :session',
          ExpressionAttributeNames: { '#session': 'session' },
          ExpressionAttributeValues: { ':session': text(subscriber.session) },
        }),
      );
      return 'put';
    } catch (error) {
      if (conditionFailed(error)) return 'late';
      throw error;
    }
  }

  async remove(filter: string, clientId: string, session: SessionId): Promise<void> {
    try {
      await this.db.send(
        new DeleteItemCommand({
          TableName: this.table,
          Key: rowKey(filter, clientId),
          ConditionExpression: '#session = :session',
          ExpressionAttributeNames: { '#session': 'session' },
          ExpressionAttributeValues: { ':session': text(session) },
        }),
      );
    } catch (error) {
      if (!conditionFailed(error)) throw error;
    }
  }

  async touch(shape: string): Promise<void> {
    await this.db.send(
      new UpdateItemCommand({
        TableName: this.table,
        Key: shapesKey,
        UpdateExpression: 'ADD #shape :one',
        ExpressionAttributeNames: { '#shape': shape },
        ExpressionAttributeValues: { ':one': number(1) },
      }),
    );
  }

  private partition(filterKey: string): Promise<Item[]> {
    return queryAll(this.db, {
      TableName: this.table,
      KeyConditionExpression: '#filter = :filter',
      ExpressionAttributeNames: { '#filter': 'filter' },
      ExpressionAttributeValues: { ':filter': text(filterKey) },
    });
  }
}

function rowKey(filter: string, clientId: string): Item {
  return { filter: text(keyOf(filter, maximumPartitionKey)), clientId: text(keyOf(clientId, maximumSortKey)) };
}

/** The client id itself, where the key holds only a digest of it. */
function fullClientId(clientId: string): Item {
  return keyOf(clientId, maximumSortKey) === clientId ? {} : { client: text(clientId) };
}
