import { shapeOf } from '../../protocol/shape';
import { inParallel, together } from '../../shared/parallel';
import type { SubscriptionRow } from '../model/subscription';
import type { Ports } from '../ports/ports';

/** Index rows removed at the same time. */
const parallelRows = 50;

/**
 * Removes index rows of sessions that have ended. Every function that finds such rows calls it. The shapes of the rows get a new
 * revision, because every container with cached rows would else find them again with every message.
 */
export async function removeStaleSubscriptions(
  { topicIndex, shapeChecks }: Pick<Ports, 'topicIndex' | 'shapeChecks'>,
  rows: readonly SubscriptionRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const shapes = [...new Set(rows.map(({ filter }) => shapeOf(filter)))];
  await inParallel(rows, parallelRows, (row) => topicIndex.remove(row));
  await together(shapes.map((shape) => topicIndex.touch(shape)));
  await shapeChecks.request(shapes);
}
