import { GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { RetainedCopy, RetainedWrite } from '../broker/model/retained-message';
import type { RetainedPage } from '../broker/ports/retained-store';
import { messageSize } from '../protocol/message-size';
import { levels } from '../protocol/topic';
import { matches } from '../protocol/topic-filter';
import { together } from '../shared/parallel';
import { readMessage, readNumber, readText, text } from './attributes';
import { type Item, queryAll, readAll } from './dynamo';
import { firstBucket, lastBucket, literalBeginning, messageKey, pointerKey, prefixOf } from './retained-keys';
import { firstLevels, levelPrefix } from './retained-levels';

/** Maximum rows read for one page, and bytes of messages that end a page. DynamoDB itself returns at most 1 MB. */
const rowsPerPage = 250;
const bytesPerPage = 1_000_000;

/** Messages in the first batch that is read by pointers, when their sizes are unknown. */
const firstBatchSize = 25;

/** First levels of one page, levels read in parallel, and messages read of each. */
const levelsPerPage = 64;
const parallelLevels = 8;
const rowsPerLevel = 50;

/** Messages of one read, the cursor of the rest, and a function to read them again. */
interface Section {
  readonly items: readonly Item[];
  readonly next?: string;
  /** Reads the current messages under the topics of `items`. */
  readonly reread: () => Promise<readonly Item[]>;
}

const nothing: Section = { items: [], reread: async () => [] };

/** Selects a part of the messages below some levels. */
interface LevelRange {
  /** True to include the topic of these levels itself: `a/b/#` also matches `a/b`. */
  readonly includesParent: boolean;
  readonly cursor?: string;
  readonly limit: number;
}

/** Rows of one partition whose sort keys begin with a prefix. */
interface Range {
  readonly bucket: string;
  readonly prefix: string;
}

/** Position in all first levels: a sort key in their list, and one in the partition of that level. */
interface LevelsCursor {
  readonly from: string;
  readonly key?: string;
}

/** Finds the retained messages that match a filter page by page, so that a reader need not hold all of them. */
export class RetainedPages {
  constructor(
    private readonly db: DynamoDb,
    private readonly table: string,
  ) {}

  /** Calls `onEmpty` for each first level that has no message. */
  async page(
    filter: string,
    cursor?: string,
    onEmpty: (level: string) => void = () => undefined,
  ): Promise<RetainedPage> {
    const sections: Section[] = [];
    const next = await this.find(filter, cursor, { sections, onEmpty });
    const copiesIn = (items: readonly Item[]) =>
      items.map(readCopy).filter(({ message: { topic } }) => matches(filter, topic));
    const current = async () => {
      const found = await together(sections.filter(({ items }) => items.length > 0).map((section) => section.reread()));
      return new Map(copiesIn(found.flat()).map((copy) => [copy.message.topic, copy]));
    };
    return { copies: copiesIn(sections.flatMap(({ items }) => items)), current, ...(next !== undefined && { next }) };
  }

  /** True when there is no message below a first level. */
  async isEmpty(level: string): Promise<boolean> {
    return (await this.rows({ bucket: firstBucket(level), prefix: '' }, undefined, 1)).items.length === 0;
  }

  /** Returns the first topic with a message at or after this one, among those with the same first level. */
  async firstFrom(topic: string): Promise<string | undefined> {
    const { bucket, topic: key } = messageKey(topic);
    const { Items = [] } = await this.db.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: '#bucket = :bucket AND topic >= :topic',
        ExpressionAttributeNames: { '#bucket': 'bucket' },
        ExpressionAttributeValues: { ':bucket': bucket ?? text(''), ':topic': key ?? text('') },
        Limit: 1,
        ConsistentRead: true,
      }),
    );
    return Items[0] && readText(Items[0].name);
  }

  private async find(filter: string, cursor: string | undefined, found: SearchResults): Promise<string | undefined> {
    const parts = levels(filter);
    const literal = literalBeginning(parts);
    const last = parts.at(-1) ?? '';
    if (literal.length === 0 && (last === '+' || last === '#')) return this.levelsPage(parts, cursor, found);
    const section =
      literal.length === parts.length
        ? await this.exact(filter)
        : last !== '+' && last !== '#'
          ? await this.byLastLevel(filter, { bucket: lastBucket(last), prefix: prefixOf(literal) }, cursor)
          : await this.byFirstLevel(literal, {
              includesParent: matchesParent(literal, parts),
              cursor,
              limit: rowsPerPage,
            });
    found.sections.push(section);
    return section.next;
  }

  private async exact(topic: string): Promise<Section> {
    if (topic === '') return nothing; // the parent of `/a` is no topic, and no key
    const item = await this.get(messageKey(topic));
    const items = item ? [item] : [];
    const isSame = async () => readText((await this.get(pointerKey(topic)))?.revision) === readText(item?.revision);
    return { items, reread: async () => ((await isSame()) ? items : this.messagesOf(items)) }; // a pointer is smaller than its message
  }

  /**
   * Pointers are small and messages may be large, so messages are read in batches until they reach the size of a page.
   */
  private async byLastLevel(filter: string, range: Range, cursor: string | undefined): Promise<Section> {
    const { items: rows, next } = await this.rows(range, cursor, rowsPerPage);
    const pointers = rows.filter(({ name }) => matches(filter, readText(name)));
    const items: Item[] = [];
    let done = 0;
    for (let bytes = 0, size = firstBatchSize; done < pointers.length && bytes < bytesPerPage; ) {
      const batch = pointers.slice(done, done + size);
      items.push(...(await this.messagesOf(batch)));
      done += batch.length;
      bytes = items.reduce((sum, item) => sum + sizeOf(item), 0);
      const left = Math.floor(((bytesPerPage - bytes) * items.length) / Math.max(1, bytes));
      size = items.length === 0 ? 2 * size : Math.max(1, Math.min(left, 4 * size));
    }
    const read = pointers.slice(0, done);
    const reread = async () => {
      const now = new Map(
        (await this.between(range.bucket, read)).map((row) => [readText(row.name), readText(row.revision)]),
      );
      const isSame = ({ name, revision }: Item) => now.get(readText(name)) === readText(revision);
      const changed = items.filter((item) => !isSame(item));
      return [...items.filter(isSame), ...(await this.messagesOf(changed))];
    };
    const rest = done < pointers.length ? readText(read.at(-1)?.topic) : next;
    return { items, reread, ...(rest !== undefined && { next: rest }) };
  }

  /** Reads by first level. `a/b/#` also matches `a/b` itself, which does not begin with `a/b/`. */
  private async byFirstLevel(
    literal: readonly string[],
    { includesParent, cursor, limit }: LevelRange,
  ): Promise<Section> {
    const range = { bucket: firstBucket(literal[0] ?? ''), prefix: prefixOf(literal) };
    if (!includesParent) return this.section(range, cursor, limit);
    const topic = literal.join('/');
    const [itself, below] = await together([
      cursor === undefined ? this.exact(topic) : nothing,
      this.section(range, cursor, limit),
    ]);
    const others = (items: readonly Item[]) => items.filter(({ name }) => readText(name) !== topic); // a shortened prefix finds the parent too
    return {
      ...below,
      items: [...itself.items, ...others(below.items)],
      reread: async () => {
        const [one, more] = await together([itself.items.length > 0 ? itself.reread() : [], below.reread()]);
        return [...one, ...others(more)];
      },
    };
  }

  private async section(range: Range, cursor: string | undefined, limit: number): Promise<Section> {
    const { items, next } = await this.rows(range, cursor, limit);
    const reread = async () => (items.length > 0 ? this.between(range.bucket, items) : []);
    return { items, reread, ...(next !== undefined && { next }) };
  }

  /**
   * Reads one first level after the other for a filter that begins and ends with a wildcard, which never matches `$`
   * topics [MQTT-4.7.2-1].
   */
  private async levelsPage(
    parts: readonly string[],
    cursor: string | undefined,
    found: SearchResults,
  ): Promise<string | undefined> {
    const { from, key }: LevelsCursor = cursor === undefined ? { from: levelPrefix } : JSON.parse(cursor);
    const rows = await this.levelRows(from);
    const keyOfRow = (index: number) => readText(rows[index]?.topic);
    const nextFrom = (index: number) => (index < rows.length ? cursorOf({ from: keyOfRow(index) }) : undefined);
    let left = { rows: rowsPerPage, bytes: bytesPerPage };
    const isFull = () => left.rows <= 0 || left.bytes <= 0;
    let index = 0;
    if (key !== undefined && keyOfRow(0) === from) {
      const section = await this.levelSection(readText(rows[0]?.name), parts, { cursor: key, limit: rowsPerPage });
      left = addSection(section, left, found);
      if (section.next !== undefined) return cursorOf({ from, key: section.next });
      index = 1;
    }
    for (; index < Math.min(rows.length, levelsPerPage) && !isFull(); index += parallelLevels) {
      const batch = rows
        .slice(index, Math.min(index + parallelLevels, levelsPerPage))
        .map(({ name }) => readText(name));
      const sections = await together(batch.map((name) => this.levelSection(name, parts, { limit: rowsPerLevel })));
      for (const [offset, section] of sections.entries()) {
        left = addSection(section, left, found);
        if (isEmptyLevel(section, parts)) found.onEmpty(batch[offset] ?? '');
        if (section.next !== undefined) return cursorOf({ from: keyOfRow(index + offset), key: section.next });
        if (isFull()) return nextFrom(index + offset + 1);
      }
    }
    return nextFrom(Math.min(index, levelsPerPage));
  }

  private levelSection(
    name: string,
    parts: readonly string[],
    where: { readonly cursor?: string; readonly limit: number },
  ): Promise<Section> {
    if (name.startsWith('$')) return Promise.resolve(nothing);
    if (parts[0] === '#') return this.section({ bucket: firstBucket(name), prefix: '' }, where.cursor, where.limit);
    if (parts.length === 1) return this.exact(name);
    const literal = [name, ...literalBeginning(parts.slice(1))];
    return this.byFirstLevel(literal, { includesParent: matchesParent(literal, parts), ...where });
  }

  private async levelRows(from: string): Promise<Item[]> {
    const { Items = [] } = await this.db.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: '#bucket = :bucket AND topic >= :from',
        ExpressionAttributeNames: { '#bucket': 'bucket' },
        ExpressionAttributeValues: { ':bucket': text(firstLevels), ':from': text(from) },
        Limit: levelsPerPage + 1,
        ConsistentRead: true,
      }),
    );
    return Items;
  }

  private async rows(
    { bucket, prefix }: Range,
    cursor: string | undefined,
    limit: number,
  ): Promise<{ readonly items: readonly Item[]; readonly next?: string }> {
    const { Items = [], LastEvaluatedKey } = await this.db.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: prefix ? '#bucket = :bucket AND begins_with(topic, :prefix)' : '#bucket = :bucket',
        ExpressionAttributeNames: { '#bucket': 'bucket' },
        ExpressionAttributeValues: { ':bucket': text(bucket), ...(prefix ? { ':prefix': text(prefix) } : {}) },
        ...(cursor !== undefined && { ExclusiveStartKey: { bucket: text(bucket), topic: text(cursor) } }),
        Limit: limit,
        ConsistentRead: true,
      }),
    );
    return { items: Items, ...(LastEvaluatedKey && { next: readText(LastEvaluatedKey.topic) }) };
  }

  /** Returns all rows of a partition between the first and the last of some rows. */
  private async between(bucket: string, rows: readonly Item[]): Promise<readonly Item[]> {
    const [first, last] = [rows[0]?.topic, rows.at(-1)?.topic];
    if (!first || !last) return [];
    return queryAll(this.db, {
      TableName: this.table,
      KeyConditionExpression: '#bucket = :bucket AND topic BETWEEN :first AND :last',
      ExpressionAttributeNames: { '#bucket': 'bucket' },
      ExpressionAttributeValues: { ':bucket': text(bucket), ':first': first, ':last': last },
    });
  }

  private messagesOf(rows: readonly Item[]): Promise<Item[]> {
    return readAll(
      this.db,
      this.table,
      rows.map(({ name }) => messageKey(readText(name))),
    );
  }

  private async get(Key: Item): Promise<Item | undefined> {
    return (await this.db.send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }))).Item;
  }
}

/** Collects the results of a search. */
interface SearchResults {
  readonly sections: Section[];
  readonly onEmpty: (level: string) => void;
}

/** Adds a section, and returns the remaining rows and bytes of the page. */
function addSection(section: Section, left: { rows: number; bytes: number }, { sections }: SearchResults) {
  sections.push(section);
  const bytes = section.items.reduce((sum, item) => sum + sizeOf(item), 0);
  return { rows: left.rows - section.items.length, bytes: left.bytes - bytes };
}

/** True when a level was read completely and has no message. */
function isEmptyLevel(section: Section, parts: readonly string[]): boolean {
  return parts[0] === '#' && section !== nothing && section.items.length === 0 && section.next === undefined;
}

/** True for a filter `a/#`, which also matches `a`. */
function matchesParent(literal: readonly string[], parts: readonly string[]): boolean {
  return parts.at(-1) === '#' && literal.length === parts.length - 1;
}

function cursorOf(cursor: LevelsCursor): string {
  return JSON.stringify(cursor);
}

function sizeOf(item: Item): number {
  return messageSize(readMessage(item));
}

export function readCopy(item: Item): RetainedCopy {
  const message = readMessage(item);
  const routing = item.event && { id: readText(item.event), write: readWrite(message.topic, item) };
  return { message, revision: readText(item.revision), ...(routing && { routing }) };
}

/** Reads the write of a message. Older releases stored no time, which reads as 1970. */
export function readWrite(topic: string, { revision, writtenAt, writer, frameNumber }: Item): RetainedWrite {
  const turn = { connectionId: readText(writer), number: readNumber(frameNumber) };
  return { topic, revision: readText(revision), at: readNumber(writtenAt), ...(writer && { turn }) };
}
