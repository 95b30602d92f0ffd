import { DeleteItemCommand, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import type { TopicIndex } from '../broker/ports';
import type { Subscriber, SubscriptionRow } from '../broker/records';
import type { QoS } from '../protocol/packets';
import { flag, number, readFlag, readNumber, readText, text } from './attributes';
import { conditionFailed, type Item, queryAll, readAll } from './dynamo';
import { formed } from './formed-dynamo';
import { keyOf, maximumPartitionKey, maximumSortKey } from './keys';

/**
 * The one item that lists the shapes, an attribute each, so it carries no form: another form would be another key. No filter contains
 * U+0000, so none can collide with it.
 */
export const shapesKey: Item = { filter: text('\u0000shapes'), clientId: text('\u0000') };

/** Shapes and their revisions. */
export function readShapes(item: Item | undefined): Map<string, number> {
  const entries = Object.entries(item ?? {}).filter(([name]) => !(name in shapesKey));
  return new Map(entries.map(([shape, revision]) => [shape, readNumber(revision)]));
}

/** Subscriptions by topic filter, and the list of shapes they have. */
export class DynamoTopicIndex implements TopicIndex {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = formed(db, { [table]: 'topicIndex' });
  }

  async shapes(): Promise<Map<string, number>> {
    const command = new GetItemCommand({ TableName: this.table, Key: shapesKey, ConsistentRead: true });
    return readShapes((await this.db.send(command)).Item);
  }

  async subscribers(filter: string): Promise<Subscriber[]> {
    const items = await this.partition(keyOf(filter, maximumPartitionKey));
    return items.map((item) => toSubscriber(filter, item));
  }

  async read(rows: readonly SubscriptionRow[]): Promise<Subscriber[]> {
    const items = await readAll(this.db, this.table, rows.map(rowKey));
    const found = new Map(items.map((item) => [nameOf(item), item]));
    return rows.flatMap((row) => {
      const item = found.get(nameOf(rowKey(row)));
      return item && readText(item.session) === row.session ? [toSubscriber(row.filter, item)] : [];
    });
  }

  async put(subscriber: Subscriber): Promise<'put' | 'late'> {
    try {
      await this.db.send(
        new PutItemCommand({
          TableName: this.table,
          Item: { ...rowKey(subscriber), ...rowAttributes(subscriber) },
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

  async remove(row: SubscriptionRow): Promise<void> {
    try {
      await this.db.send(
        new DeleteItemCommand({
          TableName: this.table,
          Key: rowKey(row),
          ConditionExpression: '#session = :session',
          ExpressionAttributeNames: { '#session': 'session' },
          ExpressionAttributeValues: { ':session': text(row.session) },
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

/** A client has at most one row for a filter, and one for each share of it. */
function rowKey({ filter, clientId, share }: Pick<Subscriber, 'filter' | 'clientId' | 'share'>): Item {
  const member = share === undefined ? clientId : `${noClientId}${share}${noClientId}${clientId}`;
  return { filter: text(keyOf(filter, maximumPartitionKey)), clientId: text(keyOf(member, maximumSortKey)) };
}

/** A key as one text. */
function nameOf({ filter, clientId }: Item): string {
  return JSON.stringify([filter, clientId]);
}

/** No client id and no ShareName contains it [MQTT-1.5.4-2]. */
const noClientId = '\u0000';

function rowAttributes(subscriber: Subscriber): Item {
  const { clientId, session, qos, noLocal, retainAsPublished, identifiers, share } = subscriber;
  const isInKey = share === undefined && keyOf(clientId, maximumSortKey) === clientId;
  return {
    ...(isInKey ? {} : { client: text(clientId) }),
    session: text(session),
    qos: number(qos),
    ...(noLocal ? { noLocal: flag(true) } : {}),
    ...(retainAsPublished ? { retainAsPublished: flag(true) } : {}),
    ...(identifiers?.length ? { identifier: number(identifiers[0] ?? 0) } : {}),
    ...(share === undefined ? {} : { share: text(share) }),
  };
}

function toSubscriber(filter: string, item: Item): Subscriber {
  return {
    filter,
    clientId: readText(item.client ?? item.clientId),
    session: readText(item.session),
    qos: readNumber(item.qos) as QoS,
    ...(item.noLocal ? { noLocal: readFlag(item.noLocal) } : {}),
    ...(item.retainAsPublished ? { retainAsPublished: readFlag(item.retainAsPublished) } : {}),
    ...(item.identifier ? { identifiers: [readNumber(item.identifier)] } : {}),
    ...(item.share ? { share: readText(item.share) } : {}),
  };
}
