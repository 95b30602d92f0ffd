import { bundleSlot, positionAlone } from '../broker/model/queue-slots';
import type { QueueItem } from '../broker/model/queued-message';
import { together } from '../shared/parallel';
import { afterAll, outgoing, slotName } from './slot-keys';

/** First and last sort key, both inclusive. */
export type Range = readonly [from: string, to: string];

/** The whole queue, not in the order of numbers. */
export const everySlot: Range = [outgoing, outgoing + afterAll];
const lastSingle = slotName(outgoing, bundleSlot(0) - 1) + afterAll;
const firstBundle = slotName(outgoing, bundleSlot(0));

/** Ranges of slots in the order of their numbers: first those after the newest, then those up to it. */
export function singleRanges(outSeq: number): Range[] {
  const newest = slotName(outgoing, positionAlone(outSeq).slot);
  return [
    [`${newest}+`, lastSingle],
    [outgoing, newest],
  ];
}

export function bundleRanges(outSeq: number): Range[] {
  const newest = slotName(outgoing, bundleSlot(outSeq));
  return [
    [`${newest}+`, outgoing + afterAll],
    [firstBundle, newest],
  ];
}

/** Merges two sequences that are both in the order of numbers. */
export async function* inOrder(
  one: AsyncGenerator<QueueItem[]>,
  other: AsyncGenerator<QueueItem[]>,
): AsyncGenerator<QueueItem[]> {
  let [left, right] = await together([nextPage(one), nextPage(other)]);
  while (left && right) {
    const [ahead, behind] = lastNumber(left) < lastNumber(right) ? [left, right] : [right, left];
    const end = lastNumber(ahead);
    yield [...ahead, ...behind.filter(({ number }) => number < end)].sort((a, b) => a.number - b.number);
    const rest = behind.filter(({ number }) => number > end);
    if (ahead === left) [left, right] = [await nextPage(one), rest.length > 0 ? rest : await nextPage(other)];
    else [left, right] = [rest.length > 0 ? rest : await nextPage(one), await nextPage(other)];
  }
  for (let page = left ?? right; page; page = await nextPage(left ? one : other)) yield page;
}

async function nextPage(pages: AsyncGenerator<QueueItem[]>): Promise<QueueItem[] | undefined> {
  for (;;) {
    const { value, done } = await pages.next();
    if (done) return undefined;
    if (value.length > 0) return value;
  }
}

function lastNumber(page: readonly QueueItem[]): number {
  return page.at(-1)?.number ?? 0;
}
