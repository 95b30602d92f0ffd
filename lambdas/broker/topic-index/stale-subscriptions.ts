import { shapeOf } from '../../protocol/shape';
import { inParallel, together } from '../../shared/parallel';
import type { SubscriptionRow } from '../model/subscription';
import type { Ports } from '../ports/ports';

/** Index rows removed at the same time. */
const parallelRows = 50;

/**
 * Index rows of sessions that have ended are removed by whoever meets them. Their shapes get a new revision, or every container
 * that remembers the rows would meet them again with every message.
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
