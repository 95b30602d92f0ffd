import { randomUUID } from 'node:crypto';
import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  type QueryCommandInput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import { together } from '../broker/parallel';
import type { RetainedStore } from '../broker/ports';
import type { RetainedCopy, RetainedWrite, WritingTurn } from '../broker/records';
import type { Message } from '../protocol/effects';
import { levels } from '../protocol/topic';
import { matches } from '../protocol/topic-filter';
import { messageAttributes, number, readMessage, readNumber, readText, text } from './attributes';
import { conditionFailed, type Item, queryAll, readAll } from './dynamo';
import { formed } from './formed-dynamo';
import { writtenForm } from './item-form';
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
    private readonly now: () => number = Date.now,
  ) {
    this.db = formed(db, { [table]: 'retained' });
    this.count = new RetainedCount(this.db, table, now);
  }

  async hasRoom(topic: string): Promise<boolean> {
    if (this.limit === 0 || (await this.count.read()) < this.limit) return true;
    return (await this.exact(topic)).length > 0;
  }

  /**
   * The pointer is written before the message: a pointer to nothing costs a read, a message without its pointer would be lost
   * to some filters. Every write of a topic replaces the revision of the pointer, which puts all of them in one order.
   */
  async begin(topic: string, turn?: WritingTurn): Promise<{ write: RetainedWrite; before?: RetainedWrite }> {
    const write = { topic, revision: randomUUID(), at: this.now(), ...(turn && { turn }) };
    const { Attributes } = await this.db.send(
      new UpdateItemCommand({
        TableName: this.table,
        Key: pointerKey(topic),
        UpdateExpression:
          'SET #name = :topic, revision = :revision, writtenAt = :at, v = :form' +
          (turn ? ', writer = :writer, frameNumber = :number' : ' REMOVE writer, frameNumber'),
        ExpressionAttributeNames: { '#name': 'name' },
        ExpressionAttributeValues: {
          ':topic': text(topic),
          ':revision': text(write.revision),
          ':at': number(write.at),
          ':form': writtenForm('retained').v,
          ...(turn && { ':writer': text(turn.connectionId), ':number': number(turn.number) }),
        },
        ReturnValues: 'ALL_OLD',
      }),
    );
    const before = Attributes && !hasEnded(Attributes) && readWrite(topic, Attributes);
    return { write, ...(before && { before }) };
  }

  async put(message: Message, write: RetainedWrite, id: string): Promise<void> {
    const { topic, qos } = message;
    await this.list(topic);
    const item = {
      ...messageKey(topic),
      revision: text(write.revision),
      ...messageAttributes(message),
      ...(qos === 2 ? routingAttributes(write, id) : {}),
    };
    const former = await this.write(item, this.limit > 0 ? 'ALL_OLD' : 'NONE');
    if (this.limit > 0 && !former) await this.count.add(1);
    if (!(await this.pointer(topic))) await this.pointAgain(topic);
  }

  async remove({ topic }: RetainedWrite): Promise<void> {
    const command = new DeleteItemCommand({ TableName: this.table, Key: messageKey(topic), ReturnValues: 'ALL_OLD' });
    const { Attributes } = await this.db.send(command);
    if (this.limit > 0 && Attributes) await this.count.add(-1);
  }

  /**
   * A writer that did not wait may have put its message since: it looks for its pointer after that, and a removal looks for a
   * message after the pointer is gone, so one of the two finds that a message has none.
   */
  async endRemoval(write: RetainedWrite): Promise<void> {
    if ((await this.removePointer(write)) === 'replaced') {
      if (!write.turn) await this.endPut(write);
    } else if ((await this.exact(write.topic)).length > 0) await this.pointAgain(write.topic);
  }

  async endPut({ topic, revision }: RetainedWrite): Promise<void> {
    const command = new UpdateItemCommand({
      TableName: this.table,
      Key: pointerKey(topic),
      UpdateExpression: 'SET endedRevision = :revision',
      ConditionExpression: 'attribute_exists(revision)',
      ExpressionAttributeValues: { ':revision': text(revision) },
    });
    await this.db.send(command).catch(unlessConditionFailed);
  }

  async hasEnded({ topic, revision }: RetainedWrite): Promise<boolean> {
    const pointer = await this.pointer(topic);
    return !pointer || readText(pointer.endedRevision) === revision;
  }

  private async pointer(topic: string): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: this.table, Key: pointerKey(topic), ConsistentRead: true });
    return (await this.db.send(command)).Item;
  }

  /** Nobody removes a pointer with a revision of its own but who has written the topic since. */
  private async pointAgain(topic: string): Promise<void> {
    const command = new PutItemCommand({
      TableName: this.table,
      Item: { ...pointerKey(topic), revision: text(randomUUID()), name: text(topic) },
      ConditionExpression: 'attribute_not_exists(revision)',
    });
    await this.db.send(command).catch(unlessConditionFailed);
  }

  private async removePointer({ topic, revision }: RetainedWrite): Promise<'removed' | 'replaced'> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: pointerKey(topic),
      ConditionExpression: 'revision = :revision',
      ExpressionAttributeValues: { ':revision': text(revision) },
    });
    return (await this.db.send(command).catch(unlessConditionFailed)) ? 'removed' : 'replaced';
  }

  private async list(topic: string): Promise<void> {
    const level = levels(topic)[0] ?? '';
    if (this.listed.has(level)) return;
    await this.write({ bucket: text(firstLevels), topic: text(keyOf(level, maximumSortKey, '#')), name: text(level) });
    this.listed.add(level);
  }

  async match(filter: string): Promise<RetainedCopy[]> {
    const found = await this.find(filter);
    return found.map(readCopy).filter(({ message }) => matches(filter, message.topic));
  }

  /** Every write changes the pointer first, and pointers are small; so only where there is no short way to them messages are read. */
  async current(filter: string, found: readonly RetainedCopy[]): Promise<ReadonlyMap<string, RetainedCopy>> {
    const pointers = await this.pointers(filter);
    if (!pointers) return byTopic(await this.match(filter));
    const revisions = new Map(pointers.map((pointer) => [readText(pointer.name), readText(pointer.revision)]));
    const isSame = ({ message, revision }: RetainedCopy) => revisions.get(message.topic) === revision;
    const keys = found.filter((copy) => !isSame(copy)).map(({ message }) => messageKey(message.topic));
    const changed = keys.length > 0 ? await readAll(this.db, this.table, keys) : [];
    return byTopic([...found.filter(isSame), ...changed.map(readCopy)]);
  }

  private async pointers(filter: string): Promise<Item[] | undefined> {
    const parts = levels(filter);
    const literal = literalBeginning(parts);
    if (literal.length === parts.length) return [(await this.pointer(filter)) ?? {}];
    const last = parts.at(-1) ?? '';
    return last === '+' || last === '#' ? undefined : this.pointersByLastLevel(last, literal);
  }

  private pointersByLastLevel(last: string, literal: string[]): Promise<Item[]> {
    return queryAll(this.db, this.query(lastBucket(last), prefixOf(literal)));
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
    const pointers = await this.pointersByLastLevel(last, literal);
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

function readCopy(item: Item): RetainedCopy {
  const message = readMessage(item);
  const routing = item.event && { id: readText(item.event), write: readWrite(message.topic, item) };
  return { message, revision: readText(item.revision), ...(routing && { routing }) };
}

function byTopic(copies: readonly RetainedCopy[]): ReadonlyMap<string, RetainedCopy> {
  return new Map(copies.map((copy) => [copy.message.topic, copy]));
}

function routingAttributes(write: RetainedWrite, id: string): Item {
  return { event: text(id), ...writeAttributes(write) };
}

function writeAttributes({ at, turn }: RetainedWrite): Item {
  return {
    writtenAt: number(at),
    ...(turn && { writer: text(turn.connectionId), frameNumber: number(turn.number) }),
  };
}

/** Whether the last write of a topic was said to be over. */
function hasEnded({ revision, endedRevision }: Item): boolean {
  return readText(endedRevision) === readText(revision);
}

/** What an older release has written has no time, so it is old. */
function readWrite(topic: string, { revision, writtenAt, writer, frameNumber }: Item): RetainedWrite {
  const turn = { connectionId: readText(writer), number: readNumber(frameNumber) };
  return { topic, revision: readText(revision), at: readNumber(writtenAt), ...(writer && { turn }) };
}

function unlessConditionFailed(error: unknown): undefined {
  if (conditionFailed(error)) return undefined;
  throw error;
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
