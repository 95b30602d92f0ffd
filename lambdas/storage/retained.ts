import { randomUUID } from 'node:crypto';
import { DeleteItemCommand, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import type { RetainedCopy, RetainedWrite, WritingTurn } from '../broker/model/retained-message';
import type { RetainedOrigin, RetainedPage, RetainedShortage, RetainedStore } from '../broker/ports/retained-store';
import type { Message } from '../protocol/effects';
import { isExpired } from '../protocol/outgoing-publish';
import { levels } from '../protocol/topic';
import { together } from '../shared/parallel';
import { messageAttributes, number, readText, text } from './attributes';
import { conditionFailed, type Item, readAll } from './dynamo';
import { noRetainedLimits, RetainedCount, type RetainedLimits } from './retained-count';
import { messageKey, pointerKey } from './retained-keys';
import { levelKey, RetainedLevels } from './retained-levels';
import { RetainedPages, readWrite } from './retained-pages';
import { writtenVersion } from './schema-version';
import { versioned } from './versioned-dynamo';

/** Expired messages that are removed with one page. */
const mostExpired = 25;

/** Retained messages, found from either end of their topic. */
export class DynamoRetainedStore implements RetainedStore {
  private readonly db: DynamoDb;
  private readonly count: RetainedCount;
  private readonly levels: RetainedLevels;
  private readonly pages: RetainedPages;

  /** `now` in milliseconds since 1970. */
  constructor(
    db: DynamoDb,
    private readonly table: string,
    limits: RetainedLimits = noRetainedLimits,
    private readonly now: () => number = Date.now,
  ) {
    this.db = versioned(db, { [table]: 'retained' });
    this.count = new RetainedCount(this.db, table, limits, now);
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
          ':form': writtenVersion('retained').v,
          ...(turn && { ':writer': text(turn.connectionId), ':number': number(turn.number) }),
        },
        ReturnValues: 'ALL_OLD',
      }),
    );
    const before = Attributes && !hasEnded(Attributes) && readWrite(topic, Attributes);
    const isOther = before && before.revision !== write.revision; // else the answer was lost, and the repeated call finds its own effect
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
    const isOwn = readText(Attributes?.revision) === write.revision; // the answer was lost, and the repeated call finds its own effect
    const former = isOwn ? undefined : Attributes;
    await together([
      this.count.replaced(account, former && readText(former.by)),
      this.confirm(topic, former === undefined || attempted ? level : undefined),
    ]);
  }

  /** Repairs what a removal beside this write has taken away: the pointer, and for a topic that is new the row of its level. */
  private async confirm(topic: string, level: string | undefined): Promise<void> {
    const listed = level === undefined ? undefined : levelKey(level);
    const found = listed
      ? await readAll(this.db, this.table, [pointerKey(topic), listed])
      : [(await this.get(pointerKey(topic))) ?? {}];
    const isListed = ({ bucket }: Item) => readText(bucket) === readText(listed?.bucket);
    const pointer = found.find((row) => row.revision && !isListed(row));
    await together([
      pointer ? undefined : this.pointAgain(topic),
      level === undefined ? undefined : this.levels.confirm(level, found.find(isListed)),
    ]);
  }

  async remove({ topic }: RetainedWrite): Promise<void> {
    const command = new DeleteItemCommand({ TableName: this.table, Key: messageKey(topic), ReturnValues: 'ALL_OLD' });
    const { Attributes } = await this.db.send(command);
    if (Attributes) await this.count.removed(readText(Attributes.by));
  }

  /**
   * A writer that did not wait may have put its message since: it looks for its pointer after that, and a removal looks for a
   * message after the pointer is gone, so one of the two finds that a message has none. The same look tells whether this was the
   * last message of its first level, unless there are others before it.
   */
  async endRemoval(write: RetainedWrite): Promise<void> {
    if ((await this.removePointer(write)) === 'replaced') {
      if (!write.turn) await this.endPut(write);
      return;
    }
    await this.tidy(write.topic);
  }

  /** After the pointer of a topic was removed. */
  private async tidy(topic: string): Promise<void> {
    const next = await this.pages.firstFrom(topic);
    if (next === topic) await this.pointAgain(topic);
    else if (next === undefined) await this.removeEmptyLevel(firstLevelOf(topic));
  }

  private async removeEmptyLevel(level: string): Promise<void> {
    if (!(await this.pages.isEmpty(level))) return;
    await this.levels.removeIf(level, () => this.pages.isEmpty(level));
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
    const pointer = await this.get(pointerKey(topic));
    return !pointer || readText(pointer.endedRevision) === revision;
  }

  private async get(Key: Item): Promise<Item | undefined> {
    return (await this.db.send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }))).Item;
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
    return (await this.db.send(command).catch(unlessConditionFailed)) ? 'removed' : 'replaced';
  }

  /** Whoever reads a page removes what it finds there that nobody is to get any more: empty levels, and messages that have expired. */
  async page(filter: string, cursor?: string): Promise<RetainedPage> {
    const empty: string[] = [];
    const page = await this.pages.page(filter, cursor, (level) => empty.push(level));
    const now = this.now();
    const expired = page.copies.filter(({ message }) => isExpired(message, now)).slice(0, mostExpired);
    await together([
      ...empty.map((level) => this.levels.removeIf(level, () => this.pages.isEmpty(level))),
      ...expired.map((copy) => this.removeCopy(copy)),
    ]);
    return page;
  }

  /** Removes a message unless another one has taken its place, and its pointer unless somebody is writing the topic. */
  private async removeCopy({ message: { topic }, revision }: RetainedCopy): Promise<void> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: messageKey(topic),
      ConditionExpression: 'revision = :revision',
      ExpressionAttributeValues: { ':revision': text(revision) },
      ReturnValues: 'ALL_OLD',
    });
    const removed = await this.db.send(command).catch(unlessConditionFailed);
    if (removed?.Attributes) await this.count.removed(readText(removed.Attributes.by));
    if (removed && (await this.removePointer({ topic, revision })) === 'removed') await this.tidy(topic);
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

/** Whether the last write of a topic was said to be over. */
function hasEnded({ revision, endedRevision }: Item): boolean {
  return readText(endedRevision) === readText(revision);
}

function unlessConditionFailed(error: unknown): undefined {
  if (conditionFailed(error)) return undefined;
  throw error;
}

function firstLevelOf(topic: string): string {
  return levels(topic)[0] ?? '';
}
