import type { Ports } from '../broker/ports/ports';
import { DynamoShapeChecks } from '../storage/shape-checks';
import { DynamoTopicIndex } from '../storage/topic-index';
import type { Clients } from './clients';
import { tableIn } from './environment';

/** The topic index, and the requests for a check for unused shapes. */
export function shapePorts(
  environment: NodeJS.ProcessEnv,
  { db }: Pick<Clients, 'db'>,
): Pick<Ports, 'topicIndex' | 'shapeChecks'> {
  return {
    topicIndex: new DynamoTopicIndex(db, tableIn(environment, 'topicIndex')),
    shapeChecks: new DynamoShapeChecks(db, tableIn(environment, 'connections'), () => Date.now()),
  };
}
