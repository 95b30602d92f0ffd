import { randomUUID } from 'node:crypto';
import { DeleteItemCommand, GetItemCommand, PutItemCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import { together } from '../broker/parallel';
import type { RetainedStore } from '../broker/ports';
import type { Message } from '../protocol/effects';
import { levels } from '../protocol/topic';
import { matches } from '../protocol/topic-filter';
import { messageAttributes, readMessage, readText, text } from './attributes';
import { conditionFailed, type Item, queryAll, readAll } from './dynamo';
import { formed } from './formed-dynamo';
import { beginningOf, keyOf, literalRoom, maximumPartitionKey, maximumSortKey } from './keys';
import { RetainedCount } from './retained-count';

/**
 * Buckets of the table. The message itself lies under its first level; under its last level lies only a pointer to it,
 * so that `+/status` is read by its ending and each match costs little more than one read.
 */
export const byFirst = 'first#';
const byLast = 'last#';
const firstLevels = 'levels';

/** Filters walked at the same time when both ends of a filter are wildcards. */
const walkers = 16;

/** Retained messages, found from either end of their topic. */
export class DynamoRetainedStore implements RetainedStore {
  /** First levels known to be listed; they are never removed from the list, so this cache cannot be wrong. */
  private readonly listed = new Set<string>();

  private readonly db: DynamoDb;
  private readonly count: RetainedCount;

  /** `limit`: retained messages at a time, 0 for any number. `now` in milliseconds since 1970. */
  constructor(
    db: DynamoDb,
    private readonly table: string,
    private readonly limit = 0,
    now: () => number = Date.now,
  ) {
    this.db = formed(db, { [table]: 'retained' });
    this.count = new RetainedCount(this.db, table, now);
  }

  /**
   * What leads to the message is written before the message: a pointer to nothing costs a read, a message without its
   * pointer would be lost to some filters. Another writer may have replaced the pointer in between, and whoever removes
   * that writer's message takes it away; so a pointer that is not this message's own is replaced by one that stays.
   */
  async put(message: Message): Promise<'put' | 'full'> {
    const { topic } = message;
    if (this.limit > 0 && (await this.isFull(topic))) return 'full';
    const revision = randomUUID();
    await together([this.point(topic, revision), this.list(topic)]);
    const item = { ...messageKey(topic), revision: text(revision), ...messageAttributes(message) };
    const former = await this.write(item, this.limit > 0 ? 'ALL_OLD' : 'NONE');
    if (this.limit > 0 && !former) await this.count.add(1);
    if ((await this.pointerRevision(topic)) !== revision) await this.point(topic, randomUUID());
    return 'put';
  }

  private async isFull(topic: string): Promise<boolean> {
    if ((await this.count.read()) < this.limit) return false;
    return (await this.exact(topic)).length === 0;
  }

  private async point(topic: string, revision: string): Promise<void> {
    await this.write({ ...pointerKey(topic), revision: text(revision), name: text(topic) });
  }

  private async pointerRevision(topic: string): Promise<string> {
    const command = new GetItemCommand({ TableName: this.table, Key: pointerKey(topic), ConsistentRead: true });
    return readText((await this.db.send(command)).Item?.revision);
  }

  private async list(topic: string): Promise<void> {
    const level = levels(topic)[0] ?? '';
    if (this.listed.has(level)) return;
    await this.write({ bucket: text(firstLevels), topic: text(keyOf(level, maximumSortKey, '#')), name: text(level) });
    this.listed.add(level);
  }

  /** The message goes first; its pointer only if it still is the pointer of that very message. */
  async remove(topic: string): Promise<void> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: messageKey(topic),
      ReturnValues: 'ALL_OLD',
    });
    const { Attributes } = await this.db.send(command);
    if (!Attributes) return;
    await this.removePointer(topic, readText(Attributes.revision));
    if (this.limit > 0) await this.count.add(-1);
  }

  private async removePointer(topic: string, revision: string): Promise<void> {
    try {
      await this.db.send(
        new DeleteItemCommand({
          TableName: this.table,
          Key: pointerKey(topic),
          ConditionExpression: 'revision = :revision',
          ExpressionAttributeValues: { ':revision': text(revision) },
        }),
      );
    } catch (error) {
      if (!conditionFailed(error)) throw error;
    }
  }

  async match(filter: string): Promise<Message[]> {
    const found = await this.find(filter);
    return found.map(readMessage).filter((message) => matches(filter, message.topic));
  }

  private async find(filter: string): Promise<Item[]> {
    const parts = levels(filter);
    const literal = literalBeginning(parts);
    if (literal.length === parts.length) return this.exact(filter);
    const last = parts.at(-1) ?? '';
    if (last !== '+' && last !== '#') return this.byLastLevel(filter, literal, last);
    if (literal.length > 0) return this.byFirstLevel(literal, last === '#' && literal.length === parts.length - 1);
    return this.walk(parts);
  }

  private async exact(topic: string): Promise<Item[]> {
    if (topic === '') return []; // what lies above `/a` is no topic, and no key
    const Key = messageKey(topic);
    const { Item } = await this.db.send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }));
    return Item ? [Item] : [];
  }

  private async byLastLevel(filter: string, literal: string[], last: string): Promise<Item[]> {
    const pointers = await queryAll(this.db, this.query(lastBucket(last), prefixOf(literal)));
    const topics = pointers.map((pointer) => readText(pointer.name)).filter((topic) => matches(filter, topic));
    return readAll(this.db, this.table, topics.map(messageKey));
  }

  /** `a/b/#` also matches `a/b` itself, which is not among what begins with `a/b/`. */
  private async byFirstLevel(literal: string[], orItself: boolean): Promise<Item[]> {
    const below = queryAll(this.db, this.query(firstBucket(literal[0] ?? ''), prefixOf(literal)));
    if (!orItself) return below;
    const topic = literal.join('/');
    const [itself, others] = await together([this.exact(topic), below]);
    return [...itself, ...others.filter(({ name }) => readText(name) !== topic)]; // a cut prefix finds it too
  }

  /** A filter that is open at both ends: one first level after the other. `$` topics are not meant [MQTT-4.7.2-1]. */
  private async walk(parts: string[]): Promise<Item[]> {
    const rows = await queryAll(this.db, this.query(firstLevels, '#'));
    const names = rows.map((row) => readText(row.name)).filter((name) => !name.startsWith('$'));
    const items: Item[] = [];
    for (let start = 0; start < names.length; start += walkers) {
      const batch = names.slice(start, start + walkers).map((name) => this.walkLevel(name, parts));
      items.push(...(await together(batch)).flat());
    }
    return items;
  }

  private walkLevel(name: string, parts: string[]): Promise<Item[]> {
    if (parts[0] === '#') return queryAll(this.db, this.query(firstBucket(name), ''));
    if (parts.length === 1) return this.exact(name);
    const literal = [name, ...literalBeginning(parts.slice(1))];
    return this.byFirstLevel(literal, parts.at(-1) === '#' && literal.length === parts.length - 1);
  }

  private query(bucket: string, prefix: string): QueryCommandInput {
    return {
      TableName: this.table,
      KeyConditionExpression: prefix ? '#bucket = :bucket AND begins_with(topic, :prefix)' : '#bucket = :bucket',
      ExpressionAttributeNames: { '#bucket': 'bucket' },
      ExpressionAttributeValues: { ':bucket': text(bucket), ...(prefix ? { ':prefix': text(prefix) } : {}) },
    };
  }

  private async write(Item: Item, ReturnValues: 'NONE' | 'ALL_OLD' = 'NONE'): Promise<Item | undefined> {
    const { Attributes } = await this.db.send(new PutItemCommand({ TableName: this.table, Item, ReturnValues }));
    return Attributes;
  }
}

function literalBeginning(parts: string[]): string[] {
  const end = parts.findIndex((part) => part === '+' || part === '#');
  return end < 0 ? parts : parts.slice(0, end);
}

/** What the sort key of every topic below these levels begins with. */
function prefixOf(literal: string[]): string {
  return literal.length === 0 ? '' : beginningOf(`${literal.join('/')}/`, literalRoom(maximumSortKey));
}

function messageKey(topic: string): Item {
  return { bucket: text(firstBucket(levels(topic)[0] ?? '')), topic: text(keyOf(topic, maximumSortKey)) };
}

function pointerKey(topic: string): Item {
  return { bucket: text(lastBucket(levels(topic).at(-1) ?? '')), topic: text(keyOf(topic, maximumSortKey)) };
}

export function firstBucket(level: string): string {
  return keyOf(level, maximumPartitionKey, byFirst);
}

function lastBucket(level: string): string {
  return keyOf(level, maximumPartitionKey, byLast);
}
