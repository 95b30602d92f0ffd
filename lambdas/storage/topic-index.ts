import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  type ScanCommandOutput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { ShapeList, Subscriber, SubscriptionRow, UsedShapes } from '../broker/model/subscription';
import type { SubscriptionWrite, TopicIndex } from '../broker/ports/topic-index-store';
import type { QoS } from '../protocol/packets';
import { canonicalShape, shapeOf } from '../protocol/shape';
import { levels } from '../protocol/topic';
import { flag, number, readFlag, readNumber, readText, text } from './attributes';
import { type Item, queryAll, readAll, unlessConditionFailed } from './dynamo';
import { isShortened, keyOf, maxPartitionKeyBytes, maxSortKeyBytes } from './shortened-keys';
import { versioned } from './versioned-dynamo';

/**
 * Key of the one item that lists the shapes, an attribute for each. It has no schema version: another format would use
 * another key. No filter contains U+0000, so none equals this key.
 */
export const shapesKey: Item = { filter: text('\u0000shapes'), clientId: text('\u0000') };

export function isShapeList({ filter }: Item): boolean {
  return readText(filter) === readText(shapesKey.filter);
}

/** Attribute with the version of the list. A shape consists of `L`, `+` and `#`, so no shape has this name. */
const versionName = 'version';
/** Prefix of the attribute name with the owner of a shape. */
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

/** Subscriptions by topic filter, and the list of their shapes. */
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
    const items = await this.partition(keyOf(filter, maxPartitionKeyBytes));
    return items.map((item) => toSubscriber(filter, item));
  }

  async read(rows: readonly SubscriptionRow[]): Promise<Subscriber[]> {
    const items = await readAll(this.db, this.table, rows.map(rowKey));
    const found = new Map(items.map((item) => [keyText(item), item]));
    return rows.flatMap((row) => {
      const item = found.get(keyText(rowKey(row)));
      return item && readText(item.session) === row.session ? [toSubscriber(row.filter, item)] : [];
    });
  }

  async put(subscriber: Subscriber, write?: SubscriptionWrite): Promise<'put' | 'outdated' | 'unchanged'> {
    const attributes = rowAttributes(subscriber);
    const command = new PutItemCommand({
      TableName: this.table,
      Item: { ...rowKey(subscriber), ...attributes, ...(write && { frame: number(write.committed + 1) }) },
      ConditionExpression: 'attribute_not_exists(#session) OR #session <= :session',
      ExpressionAttributeNames: { '#session': 'session' },
      ExpressionAttributeValues: { ':session': text(subscriber.session) },
      ReturnValues: 'ALL_OLD',
    });
    const output = await unlessConditionFailed(this.db.send(command));
    if (!output) return 'outdated';
    const { Attributes } = output;
    const isKnown = write && Attributes?.frame && readNumber(Attributes.frame) <= write.committed;
    return isKnown && isSameRow(Attributes, attributes) ? 'unchanged' : 'put';
  }

  async remove(row: SubscriptionRow): Promise<void> {
    await unlessConditionFailed(
      this.db.send(
        new DeleteItemCommand({
          TableName: this.table,
          Key: rowKey(row),
          ConditionExpression: '#session = :session',
          ExpressionAttributeNames: { '#session': 'session' },
          ExpressionAttributeValues: { ':session': text(row.session) },
        }),
      ),
    );
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
      // Higher than every revision of a removed shape: caches may still hold rows under those.
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

  /** False when the condition does not hold. */
  private async updateShapes(update: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>): Promise<boolean> {
    const command = new UpdateItemCommand({ TableName: this.table, Key: shapesKey, ...update });
    return (await unlessConditionFailed(this.db.send(command))) !== undefined;
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
      yield usedShapesIn(Items.filter((item) => !isShapeList(item)));
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

/**
 * Rows of the first page of `usedShapes`, and of the largest one of about 1 MB, which is the maximum of one DynamoDB
 * read.
 */
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

/** Rows that an earlier release has written under a shortened key do not store their shape. */
function usedShapesIn(items: readonly Item[]): UsedShapes {
  const isUnknown = ({ filter, shape }: Item) => !shape && isShortened(readText(filter));
  const prefixes = items.filter(isUnknown).map(({ filter }) => shapeOfCompleteLevels(readText(filter)));
  const known = items.filter((item) => !isUnknown(item));
  return {
    shapes: new Set(
      known.map(({ filter, shape }) => (shape ? canonicalShape(readText(shape)) : shapeOf(readText(filter)))),
    ),
    prefixes: [...new Set(prefixes)],
  };
}

/** Returns the shape of the levels that a shortened key holds completely. */
function shapeOfCompleteLevels(filterKey: string): string {
  const whole = levels(filterKey).slice(0, -1);
  return whole.length > 0 ? shapeOf(whole.join('/')) : '';
}

/** A client has at most one row for a filter, and one for each share of it. */
function rowKey({ filter, clientId, share }: Pick<Subscriber, 'filter' | 'clientId' | 'share'>): Item {
  const member = share === undefined ? clientId : `${separator}${share}${separator}${clientId}`;
  return { filter: text(keyOf(filter, maxPartitionKeyBytes)), clientId: text(keyOf(member, maxSortKeyBytes)) };
}

/** Returns a key as one string. */
function keyText({ filter, clientId }: Item): string {
  return JSON.stringify([filter, clientId]);
}

/** No client id and no ShareName contains U+0000 [MQTT-1.5.4-2]. */
const separator = '\u0000';

function rowAttributes(subscriber: Subscriber): Item {
  const { filter, clientId, session, qos, noLocal, retainAsPublished, identifiers, share } = subscriber;
  const isInKey = share === undefined && keyOf(clientId, maxSortKeyBytes) === clientId;
  return {
    ...(isInKey ? {} : { client: text(clientId) }),
    ...(isShortened(keyOf(filter, maxPartitionKeyBytes)) ? { shape: text(shapeOf(filter)) } : {}),
    session: text(session),
    qos: number(qos),
    ...(noLocal ? { noLocal: flag(true) } : {}),
    ...(retainAsPublished ? { retainAsPublished: flag(true) } : {}),
    ...(identifiers?.length ? { identifier: number(identifiers[0] ?? 0) } : {}),
    ...(share === undefined ? {} : { share: text(share) }),
  };
}

/** True when a row has these attributes, whoever wrote it and when. */
function isSameRow(row: Item, attributes: Item): boolean {
  const { filter: _, clientId: __, frame: ___, v: ____, ...stored } = row;
  const names = new Set([...Object.keys(stored), ...Object.keys(attributes)]);
  return [...names].every((name) => JSON.stringify(stored[name]) === JSON.stringify(attributes[name]));
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
