import { QueryCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { RetainedCopy, RetainedWrite } from '../broker/model/retained-message';
import type { RetainedPage } from '../broker/ports/retained-store';
import { levels } from '../protocol/topic';
import { matches } from '../protocol/topic-filter';
import { together } from '../shared/parallel';
import { readMessage, readNumber, readText, text } from './attributes';
import type { Item } from './dynamo';
import { firstBucket, lastBucket, literalBeginning, messageKey, prefixOf } from './retained-keys';
import { firstLevels, levelPrefix } from './retained-levels';
import { bytesPerPage, emptySection, RetainedSections, rowsPerPage, type Section, sizeOf } from './retained-sections';

/** First levels of one page, levels read in parallel, and messages read of each. */
const levelsPerPage = 64;
const parallelLevels = 8;
const rowsPerLevel = 50;

/** Position in all first levels: a sort key in their list, and one in the partition of that level. */
interface LevelsCursor {
  readonly from: string;
  readonly key?: string;
}

/** Finds the retained messages that match a filter page by page, so that a reader need not hold all of them. */
export class RetainedPages {
  private readonly sections: RetainedSections;

  constructor(
    private readonly db: DynamoDb,
    private readonly table: string,
  ) {
    this.sections = new RetainedSections(db, table);
  }

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
    return (await this.sections.rows({ bucket: firstBucket(level), prefix: '' }, undefined, 1)).items.length === 0;
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
        ? await this.sections.exact(filter)
        : last !== '+' && last !== '#'
          ? await this.sections.byLastLevel(filter, { bucket: lastBucket(last), prefix: prefixOf(literal) }, cursor)
          : await this.sections.byFirstLevel(literal, {
              includesParent: matchesParent(literal, parts),
              cursor,
              limit: rowsPerPage,
            });
    found.sections.push(section);
    return section.next;
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
    if (name.startsWith('$')) return Promise.resolve(emptySection);
    if (parts[0] === '#')
      return this.sections.section({ bucket: firstBucket(name), prefix: '' }, where.cursor, where.limit);
    if (parts.length === 1) return this.sections.exact(name);
    const literal = [name, ...literalBeginning(parts.slice(1))];
    return this.sections.byFirstLevel(literal, { includesParent: matchesParent(literal, parts), ...where });
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
  return parts[0] === '#' && section !== emptySection && section.items.length === 0 && section.next === undefined;
}

/** True for a filter `a/#`, which also matches `a`. */
function matchesParent(literal: readonly string[], parts: readonly string[]): boolean {
  return parts.at(-1) === '#' && literal.length === parts.length - 1;
}

function cursorOf(cursor: LevelsCursor): string {
  return JSON.stringify(cursor);
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
