import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  type ScanCommandOutput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import type { ShapeList, Subscriber, SubscriptionRow, UsedShapes } from '../broker/model/subscription';
import type { SubscriptionWrite, TopicIndex } from '../broker/ports/topic-index-store';
import type { QoS } from '../protocol/packets';
import { canonicalShape, shapeOf } from '../protocol/shape';
import { levels } from '../protocol/topic';
import { flag, number, readFlag, readNumber, readText, text } from './attributes';
import { conditionFailed, type Item, queryAll, readAll } from './dynamo';
import { isShortened, keyOf, maximumPartitionKey, maximumSortKey } from './keys';
import { versioned } from './versioned-dynamo';

/**
 * The one item that lists the shapes, an attribute each, so it carries no form: another form would be another key. No filter contains
 * U+0000, so none can collide with it.
 */
export const shapesKey: Item = { filter: text('\u0000shapes'), clientId: text('\u0000') };

export function isShapeList({ filter }: Item): boolean {
  return readText(filter) === readText(shapesKey.filter);
}

/** Attribute with the version of the list. The letters of a shape are `L`, `+` and `#`, so no shape is named like this. */
const versionName = 'version';
/** What the name of the attribute with the owner of a shape begins with. */
const ownerPrefix = '@';

export function readShapes(item: Item | undefined): ShapeList {
  const entries = Object.entries(item ?? {}).filter(([name]) => !(name in shapesKey) && name !== versionName);
  const owners = entries.filter(([name]) => name.startsWith(ownerPrefix));
  const shapes = entries.filter(([name]) => !name.startsWith(ownerPrefix));
  return {
    revisions: new Map(shapes.map(([shape, revision]) => [shape, readNumber(revision)])),
    owners: new Map(owners.map(([name, owner]) => [name.slice(ownerPrefix.length), readText(owner)])),
    version: readNumber(item?.[versionName]),
  };
}

/** Subscriptions by topic filter, and the list of shapes they have. */
export class DynamoTopicIndex implements TopicIndex {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'topicIndex' });
  }

  async shapes(): Promise<ShapeList> {
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

  async put(subscriber: Subscriber, write?: SubscriptionWrite): Promise<'put' | 'superseded' | 'unchanged'> {
    const attributes = rowAttributes(subscriber);
    try {
      const { Attributes } = await this.db.send(
        new PutItemCommand({
          TableName: this.table,
          Item: { ...rowKey(subscriber), ...attributes, ...(write && { frame: number(write.committed + 1) }) },
          ConditionExpression: 'attribute_not_exists(#session) OR #session <= :session',
          ExpressionAttributeNames: { '#session': 'session' },
          ExpressionAttributeValues: { ':session': text(subscriber.session) },
          ReturnValues: 'ALL_OLD',
        }),
      );
      const isKnown = write && Attributes?.frame && readNumber(Attributes.frame) <= write.committed;
      return isKnown && isSameRow(Attributes, attributes) ? 'unchanged' : 'put';
    } catch (error) {
      if (conditionFailed(error)) return 'superseded';
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

  async touch(shape: string): Promise<'touched' | 'unlisted'> {
    const isTouched = await this.updateShapes({
      UpdateExpression: 'ADD #shape :one',
      ConditionExpression: 'attribute_exists(#shape)',
      ExpressionAttributeNames: { '#shape': shape },
      ExpressionAttributeValues: { ':one': number(1) },
    });
    return isTouched ? 'touched' : 'unlisted';
  }

  async list(shapes: readonly string[], owner: string, seen: ShapeList): Promise<'listed' | 'changed'> {
    const set = shapes.flatMap((_, index) => [`#shape${index} = :next`, `#owner${index} = :owner`]);
    const isListed = await this.updateShapes({
      UpdateExpression: `SET #version = :next, ${set.join(', ')}`,
      ConditionExpression: [
        ...sameVersion(seen),
        ...shapes.map((_, index) => `attribute_not_exists(#shape${index})`),
      ].join(' AND '),
      ExpressionAttributeNames: shapeNames(shapes),
      // Above every revision that a removed shape had: caches may still hold rows under these.
      ExpressionAttributeValues: { ...versionValue(seen), ':next': number(seen.version + 1), ':owner': text(owner) },
    });
    return isListed ? 'listed' : 'changed';
  }

  async unlist(shapes: readonly string[], seen: ShapeList): Promise<'unlisted' | 'changed'> {
    const revisions = shapes.map((shape) => seen.revisions.get(shape) ?? 0);
    const values = revisions.map((revision, index) => [`:revision${index}`, number(revision)] as const);
    const isUnlisted = await this.updateShapes({
      UpdateExpression: `SET #version = :next REMOVE ${shapes.flatMap((_, index) => [`#shape${index}`, `#owner${index}`]).join(', ')}`,
      ConditionExpression: [
        ...sameVersion(seen),
        ...shapes.map((_, index) => `#shape${index} = :revision${index}`),
      ].join(' AND '),
      ExpressionAttributeNames: shapeNames(shapes),
      ExpressionAttributeValues: {
        ...versionValue(seen),
        ...Object.fromEntries(values),
        ':next': number(Math.max(seen.version + 1, ...revisions)),
      },
    });
    return isUnlisted ? 'unlisted' : 'changed';
  }

  /** False when the condition is not met. */
  private async updateShapes(update: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>): Promise<boolean> {
    try {
      await this.db.send(new UpdateItemCommand({ TableName: this.table, Key: shapesKey, ...update }));
      return true;
    } catch (error) {
      if (conditionFailed(error)) return false;
      throw error;
    }
  }

  async *usedShapes(): AsyncGenerator<UsedShapes> {
    let start: Item | undefined;
    for (let limit = firstPage; ; limit = Math.min(limit * 10, largestPage)) {
      const { Items = [], LastEvaluatedKey }: ScanCommandOutput = await this.db.send(
        new ScanCommand({
          TableName: this.table,
          ConsistentRead: true,
          ProjectionExpression: '#filter, #shape',
          ExpressionAttributeNames: { '#filter': 'filter', '#shape': 'shape' },
          Limit: limit,
          ExclusiveStartKey: start,
        }),
      );
      yield usedBy(Items.filter((item) => !isShapeList(item)));
      if (!LastEvaluatedKey) return;
      start = LastEvaluatedKey;
    }
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

/** Rows of the first page of `usedShapes`, and of a page of about 1 MB, which is the most that DynamoDB reads at once. */
const firstPage = 50;
const largestPage = 10_000;

function shapeNames(shapes: readonly string[]): Record<string, string> {
  const names = shapes.flatMap((shape, index) => [
    [`#shape${index}`, shape],
    [`#owner${index}`, ownerPrefix + shape],
  ]);
  return { ...Object.fromEntries(names), '#version': versionName };
}

function sameVersion({ version }: ShapeList): string[] {
  return [version === 0 ? 'attribute_not_exists(#version)' : '#version = :version'];
}

function versionValue({ version }: ShapeList): Item {
  return version === 0 ? {} : { ':version': number(version) };
}

/** Rows that an earlier release has written under a shortened key do not say which shape they have. */
function usedBy(items: readonly Item[]): UsedShapes {
  const isUnknown = ({ filter, shape }: Item) => !shape && isShortened(readText(filter));
  const prefixes = items.filter(isUnknown).map(({ filter }) => shapeOfBeginning(readText(filter)));
  const known = items.filter((item) => !isUnknown(item));
  return {
    shapes: new Set(
      known.map(({ filter, shape }) => (shape ? canonicalShape(readText(shape)) : shapeOf(readText(filter)))),
    ),
    prefixes: [...new Set(prefixes)],
  };
}

/** Of the levels that a shortened key holds whole. */
function shapeOfBeginning(filterKey: string): string {
  const whole = levels(filterKey).slice(0, -1);
  return whole.length > 0 ? shapeOf(whole.join('/')) : '';
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
  const { filter, clientId, session, qos, noLocal, retainAsPublished, identifiers, share } = subscriber;
  const isInKey = share === undefined && keyOf(clientId, maximumSortKey) === clientId;
  return {
    ...(isInKey ? {} : { client: text(clientId) }),
    ...(isShortened(keyOf(filter, maximumPartitionKey)) ? { shape: text(shapeOf(filter)) } : {}),
    session: text(session),
    qos: number(qos),
    ...(noLocal ? { noLocal: flag(true) } : {}),
    ...(retainAsPublished ? { retainAsPublished: flag(true) } : {}),
    ...(identifiers?.length ? { identifier: number(identifiers[0] ?? 0) } : {}),
    ...(share === undefined ? {} : { share: text(share) }),
  };
}

/** Whether a row says what these attributes say, whoever wrote it when. */
function isSameRow(row: Item, attributes: Item): boolean {
  const { filter: _, clientId: __, frame: ___, v: ____, ...said } = row;
  const names = new Set([...Object.keys(said), ...Object.keys(attributes)]);
  return [...names].every((name) => JSON.stringify(said[name]) === JSON.stringify(attributes[name]));
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
