import { randomUUID } from 'node:crypto';
import { DeleteItemCommand, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { RetainedCopy, RetainedWrite, WritingTurn } from '../broker/model/retained-message';
import type { Clock } from '../broker/ports/process';
import type { RetainedOrigin, RetainedPage, RetainedShortage, RetainedStore } from '../broker/ports/retained-store';
import type { Message } from '../protocol/effects';
import { isExpired } from '../protocol/outgoing-publish';
import { levels } from '../protocol/topic';
import { together } from '../shared/parallel';
import { messageAttributes, number, readText, text } from './attributes';
import { type Item, readAll, unlessConditionFailed } from './dynamo';
import { noRetainedLimits, RetainedCount, type RetainedLimits } from './retained-count';
import { messageKey, pointerKey } from './retained-keys';
import { levelKey, RetainedLevels } from './retained-levels';
import { RetainedPages, readWrite } from './retained-pages';
import { writtenVersion } from './schema-version';
import { versioned } from './versioned-dynamo';

/** Expired messages that are removed with one page. */
const maxExpiredPerPage = 25;

export interface RetainedStoreOptions {
  /** No limits if absent. */
  readonly limits?: RetainedLimits;
  readonly now?: Clock;
}

/** Retained messages, found by the first or the last level of their topic. */
export class DynamoRetainedStore implements RetainedStore {
  private readonly db: DynamoDb;
  private readonly count: RetainedCount;
  private readonly levels: RetainedLevels;
  private readonly pages: RetainedPages;
  private readonly now: Clock;

  constructor(
    db: DynamoDb,
    private readonly table: string,
    { limits = noRetainedLimits, now = Date.now }: RetainedStoreOptions = {},
  ) {
    this.now = now;
    this.db = versioned(db, { [table]: 'retained' });
    this.count = new RetainedCount(this.db, table, { limits, now });
    this.levels = new RetainedLevels(this.db, table);
    this.pages = new RetainedPages(this.db, table);
  }

  async shortage(topic: string, account: string): Promise<RetainedShortage | undefined> {
    const [isFull, isFullFor] = await together([
      this.count.isFull(),
      account === '' ? false : this.count.isFullFor(account),
    ]);
    if (!isFull && !isFullFor) return undefined;
    const former = await this.get(messageKey(topic));
    if (isFull && !former) return 'broker';
    return isFullFor && readText(former?.by) !== account ? 'account' : undefined;
  }

  /**
   * Writes the pointer before the message: a pointer without a message costs a read, a message without a pointer would
   * be missing from some filters. Every write of a topic replaces the revision of its pointer, which puts all writes in
   * one order.
   */
  async begin(topic: string, turn?: WritingTurn): Promise<{ write: RetainedWrite; before?: RetainedWrite }> {
    const write = { topic, revision: randomUUID(), at: this.now(), ...(turn && { turn }) };
    const { Attributes } = await this.db.send(
      new UpdateItemCommand({
        TableName: this.table,
        Key: pointerKey(topic),
        UpdateExpression:
          'SET #name = :topic, revision = :revision, writtenAt = :at, v = :schemaVersion' +
          (turn ? ', writer = :writer, frameNumber = :number' : ' REMOVE writer, frameNumber'),
        ExpressionAttributeNames: { '#name': 'name' },
        ExpressionAttributeValues: {
          ':topic': text(topic),
          ':revision': text(write.revision),
          ':at': number(write.at),
          ':schemaVersion': writtenVersion('retained').v,
          ...(turn && { ':writer': text(turn.connectionId), ':number': number(turn.number) }),
        },
        ReturnValues: 'ALL_OLD',
      }),
    );
    const before = Attributes && !hasEnded(Attributes) && readWrite(topic, Attributes);
    const isOther = before && before.revision !== write.revision; // otherwise the response was lost, and the repeated call finds its own effect
    return { write, ...(isOther && { before }) };
  }

  async put(message: Message, write: RetainedWrite, { id, attempted, account }: RetainedOrigin): Promise<void> {
    const { topic, qos } = message;
    const level = firstLevelOf(topic);
    await this.levels.ensure(level);
    const item = {
      ...messageKey(topic),
      revision: text(write.revision),
      ...messageAttributes(message),
      ...(account && { by: text(account) }),
      ...(qos === 2 ? routingAttributes(write, id) : {}),
    };
    const command = new PutItemCommand({ TableName: this.table, Item: item, ReturnValues: 'ALL_OLD' });
    const { Attributes } = await this.db.send(command);
    const isOwn = readText(Attributes?.revision) === write.revision; // the response was lost, and the repeated call finds its own effect
    const former = isOwn ? undefined : Attributes;
    await together([
      this.count.replaced(account, former && readText(former.by)),
      this.repair(topic, former === undefined || attempted ? level : undefined),
    ]);
  }

  /** Restores rows that a concurrent removal has deleted: the pointer, and for a new topic the row of its level. */
  private async repair(topic: string, level: string | undefined): Promise<void> {
    const listed = level === undefined ? undefined : levelKey(level);
    const found = listed
      ? await readAll(this.db, this.table, [pointerKey(topic), listed])
      : [(await this.get(pointerKey(topic))) ?? {}];
    const isListed = ({ bucket }: Item) => readText(bucket) === readText(listed?.bucket);
    const pointer = found.find((row) => row.revision && !isListed(row));
    await together([
      pointer ? undefined : this.restorePointer(topic),
      level === undefined ? undefined : this.levels.confirm(level, found.find(isListed)),
    ]);
  }

  async remove({ topic }: RetainedWrite): Promise<void> {
    const command = new DeleteItemCommand({ TableName: this.table, Key: messageKey(topic), ReturnValues: 'ALL_OLD' });
    const { Attributes } = await this.db.send(command);
    if (Attributes) await this.count.removed(readText(Attributes.by));
  }

  /**
   * A writer that did not wait may have stored its message meanwhile. A writer reads its pointer after it has stored
   * the message; a removal searches for a message after it has removed the pointer. So one of the two finds a message
   * without a pointer. The same query tells whether the removed message was the last one of its first level, unless
   * other topics sort before it.
   */
  async endRemoval(write: RetainedWrite): Promise<void> {
    if ((await this.removePointer(write)) === 'replaced') {
      if (!write.turn) await this.endPut(write);
      return;
    }
    await this.removeLevelIfEmpty(write.topic);
  }

  /** Called after the pointer of a topic was removed. */
  private async removeLevelIfEmpty(topic: string): Promise<void> {
    const next = await this.pages.firstFrom(topic);
    if (next === topic) await this.restorePointer(topic);
    else if (next === undefined) await this.removeEmptyLevel(firstLevelOf(topic));
  }

  private async removeEmptyLevel(level: string): Promise<void> {
    if (!(await this.pages.isEmpty(level))) return;
    await this.levels.removeIfEmpty(level, () => this.pages.isEmpty(level));
  }

  async endPut({ topic, revision }: RetainedWrite): Promise<void> {
    const command = new UpdateItemCommand({
      TableName: this.table,
      Key: pointerKey(topic),
      UpdateExpression: 'SET endedRevision = :revision',
      ConditionExpression: 'attribute_exists(revision)',
      ExpressionAttributeValues: { ':revision': text(revision) },
    });
    await unlessConditionFailed(this.db.send(command));
  }

  async hasEnded({ topic, revision }: RetainedWrite): Promise<boolean> {
    const pointer = await this.get(pointerKey(topic));
    return !pointer || readText(pointer.endedRevision) === revision;
  }

  private async get(Key: Item): Promise<Item | undefined> {
    return (await this.db.send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }))).Item;
  }

  /** Writes the pointer if it is absent. Only a later write of the topic removes a pointer with another revision. */
  private async restorePointer(topic: string): Promise<void> {
    const command = new PutItemCommand({
      TableName: this.table,
      Item: { ...pointerKey(topic), revision: text(randomUUID()), name: text(topic) },
      ConditionExpression: 'attribute_not_exists(revision)',
    });
    await unlessConditionFailed(this.db.send(command));
  }

  private async removePointer({
    topic,
    revision,
  }: Pick<RetainedWrite, 'topic' | 'revision'>): Promise<'removed' | 'replaced'> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: pointerKey(topic),
      ConditionExpression: 'revision = :revision',
      ExpressionAttributeValues: { ':revision': text(revision) },
    });
    return (await unlessConditionFailed(this.db.send(command))) ? 'removed' : 'replaced';
  }

  /** Every page read also removes empty levels and expired messages that it finds. */
  async page(filter: string, cursor?: string): Promise<RetainedPage> {
    const empty: string[] = [];
    const page = await this.pages.page(filter, cursor, (level) => empty.push(level));
    const now = this.now();
    const expired = page.copies.filter(({ message }) => isExpired(message, now)).slice(0, maxExpiredPerPage);
    await together([
      ...empty.map((level) => this.levels.removeIfEmpty(level, () => this.pages.isEmpty(level))),
      ...expired.map((copy) => this.removeCopy(copy)),
    ]);
    return page;
  }

  /** Removes a message unless another one has replaced it, and its pointer unless the topic is being written. */
  private async removeCopy({ message: { topic }, revision }: RetainedCopy): Promise<void> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: messageKey(topic),
      ConditionExpression: 'revision = :revision',
      ExpressionAttributeValues: { ':revision': text(revision) },
      ReturnValues: 'ALL_OLD',
    });
    const removed = await unlessConditionFailed(this.db.send(command));
    if (removed?.Attributes) await this.count.removed(readText(removed.Attributes.by));
    if (removed && (await this.removePointer({ topic, revision })) === 'removed') await this.removeLevelIfEmpty(topic);
  }

  async match(filter: string): Promise<RetainedCopy[]> {
    const copies: RetainedCopy[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await this.pages.page(filter, cursor);
      copies.push(...page.copies);
      if (page.next === undefined) return copies;
      cursor = page.next;
    }
  }
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

/** True when the last write of a topic was marked as ended. */
function hasEnded({ revision, endedRevision }: Item): boolean {
  return readText(endedRevision) === readText(revision);
}

function firstLevelOf(topic: string): string {
  return levels(topic)[0] ?? '';
}
