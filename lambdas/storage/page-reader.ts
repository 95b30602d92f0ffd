import type { Page, PageRequest } from '../broker/ports/directories';
import { cursorOf, keyIn } from './cursor';
import type { Item } from './dynamo';

/** Maximum number of calls for one page. A page that needs more is short, and its cursor continues there. */
const maxCalls = 10;

/**
 * Makes one call: reads items from a key on for `wanted` more entries. `last` is the key where the call stopped, if
 * more rows follow.
 */
export type ReadNext = (start: Item | undefined, wanted: number) => Promise<{ items: readonly Item[]; last?: Item }>;

/** Describes how to read a list and which rows belong to it. */
export interface Listing<Entry> {
  readonly readNext: ReadNext;
  /** Names of the key attributes. */
  readonly key: readonly string[];
  /** Converts a row to an entry; undefined when the row does not belong to the list. */
  readonly read: (item: Item) => Entry | undefined;
}

/** Fills a page with at most `maxCalls` calls. */
export async function readPage<Entry>(
  { readNext, key, read }: Listing<Entry>,
  { limit, cursor }: PageRequest,
): Promise<Page<Entry>> {
  const entries: Entry[] = [];
  let start = cursor === undefined ? undefined : keyIn(cursor, key);
  for (let calls = 0; calls < maxCalls; calls++) {
    const { items, last } = await readNext(start, limit - entries.length);
    for (const [index, item] of items.entries()) {
      const entry = read(item);
      if (entry !== undefined) entries.push(entry);
      const hasMore = index < items.length - 1 || last !== undefined;
      if (entries.length === limit) return { items: entries, ...(hasMore && { next: cursorOf(item, key) }) };
    }
    if (last === undefined) return { items: entries };
    start = last;
  }
  return { items: entries, ...(start && { next: cursorOf(start, key) }) };
}
