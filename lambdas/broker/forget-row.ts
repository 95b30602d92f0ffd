import { shapeOf } from '../protocol/shape';
import type { Ports } from './ports';
import type { SubscriptionRow } from './records';

/**
 * Index rows of sessions that have ended are removed by whoever meets them. The shape gets a new revision, or every container
 * that remembers the row would meet it again with every message.
 */
export async function forgetRow({ topicIndex }: Pick<Ports, 'topicIndex'>, row: SubscriptionRow): Promise<void> {
  await topicIndex.remove(row);
  await topicIndex.touch(shapeOf(row.filter));
}
