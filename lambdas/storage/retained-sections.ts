import { GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import { messageSize } from '../protocol/message-size';
import { matches } from '../protocol/topic-filter';
import { together } from '../shared/parallel';
import { readMessage, readText, text } from './attributes';
import { type Item, queryAll, readAll } from './dynamo';
import { firstBucket, messageKey, pointerKey, prefixOf } from './retained-keys';

/** Maximum rows read for one page, and bytes of messages that end a page. DynamoDB itself returns at most 1 MB. */
export const rowsPerPage = 250;
export const bytesPerPage = 1_000_000;

/** Messages in the first batch that is read by pointers, when their sizes are unknown. */
const firstBatchSize = 25;

/** Messages of one read, the cursor of the rest, and a function to read them again. */
export interface Section {
  readonly items: readonly Item[];
  readonly next?: string;
  /** Reads the current messages under the topics of `items`. */
  readonly reread: () => Promise<readonly Item[]>;
}

export const emptySection: Section = { items: [], reread: async () => [] };

/** Selects a part of the messages below some levels. */
export interface LevelRange {
  /** True to include the topic of these levels itself: `a/b/#` also matches `a/b`. */
  readonly includesParent: boolean;
  readonly cursor?: string;
  readonly limit: number;
}

/** Rows of one partition whose sort keys begin with a prefix. */
export interface Range {
  readonly bucket: string;
  readonly prefix: string;
}

/** Reads retained messages of one partition. */
export class RetainedSections {
  constructor(
    private readonly db: DynamoDb,
    private readonly table: string,
  ) {}

  async exact(topic: string): Promise<Section> {
    if (topic === '') return emptySection; // the parent of `/a` is no topic, and no key
    const item = await this.get(messageKey(topic));
    const items = item ? [item] : [];
    const isSame = async () => readText((await this.get(pointerKey(topic)))?.revision) === readText(item?.revision);
    return { items, reread: async () => ((await isSame()) ? items : this.messagesOf(items)) }; // a pointer is smaller than its message
  }

  /**
   * Pointers are small and messages may be large, so messages are read in batches until they reach the size of a page.
   */
  async byLastLevel(filter: string, range: Range, cursor: string | undefined): Promise<Section> {
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
  async byFirstLevel(literal: readonly string[], { includesParent, cursor, limit }: LevelRange): Promise<Section> {
    const range = { bucket: firstBucket(literal[0] ?? ''), prefix: prefixOf(literal) };
    if (!includesParent) return this.section(range, cursor, limit);
    const topic = literal.join('/');
    const [itself, below] = await together([
      cursor === undefined ? this.exact(topic) : emptySection,
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

  async section(range: Range, cursor: string | undefined, limit: number): Promise<Section> {
    const { items, next } = await this.rows(range, cursor, limit);
    const reread = async () => (items.length > 0 ? this.between(range.bucket, items) : []);
    return { items, reread, ...(next !== undefined && { next }) };
  }

  async rows(
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

/** Bytes of the message in an item. */
export function sizeOf(item: Item): number {
  return messageSize(readMessage(item));
}
