import type { Page, PageRequest } from '../broker/ports/directories';
import { cursorOf, keyIn } from './cursor';
import type { Item } from './dynamo';

/** Calls for one page; then it is short, and the next one goes on. */
const maxCalls = 10;

/** One call: items from a key on, where so many entries are still wanted, and the key at which it stopped. */
export type ReadNext = (start: Item | undefined, wanted: number) => Promise<{ items: readonly Item[]; last?: Item }>;

/** How the rows of a list are found and told apart. */
export interface Listing<Entry> {
  readonly readNext: ReadNext;
  /** Attributes of the key. */
  readonly key: readonly string[];
  /** What a row is in the list, if it belongs there. */
  readonly read: (item: Item) => Entry | undefined;
}

/** Fills a page from as many calls as it needs, within reason. */
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
