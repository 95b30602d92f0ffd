import { shapeOf } from '../protocol/shape';
import type { Ports } from './ports';
import type { SubscriptionRow } from './records';

/**
 * Index rows of sessions that have ended are removed by whoever meets them. The shape gets a new revision, or every container
 * that remembers the row would meet it again with every message.
 */
export async function forgetRow(
  { topicIndex, shapeChecks }: Pick<Ports, 'topicIndex' | 'shapeChecks'>,
  row: SubscriptionRow,
): Promise<void> {
  const shape = shapeOf(row.filter);
  await topicIndex.remove(row);
  await topicIndex.touch(shape);
  await shapeChecks.request([shape]);
}
