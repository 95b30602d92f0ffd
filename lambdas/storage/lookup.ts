import type { DynamoDb } from '../aws/lean-dynamodb';
import type { Lookup, Snapshot } from '../broker/ports';
import { readTables } from './dynamo';
import { headKey, toHead } from './sessions';
import { readShapes, shapesKey } from './topic-index';

/** The list of shapes and the heads of sessions in one call, although they lie in two tables. */
export class DynamoLookup implements Lookup {
  constructor(
    private readonly db: DynamoDb,
    private readonly topicIndexTable: string,
    private readonly sessionsTable: string,
  ) {}

  async read(clientIds: readonly string[]): Promise<Snapshot> {
    const items = await readTables(this.db, {
      [this.topicIndexTable]: [shapesKey],
      ...(clientIds.length > 0 ? { [this.sessionsTable]: clientIds.map(headKey) } : {}),
    });
    const heads = (items[this.sessionsTable] ?? []).map(toHead);
    return {
      shapes: readShapes(items[this.topicIndexTable]?.[0]),
      heads: new Map(heads.map((head) => [head.clientId, head])),
    };
  }
}
