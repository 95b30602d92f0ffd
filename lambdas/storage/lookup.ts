import type { DynamoDb } from '../aws/lean-dynamodb';
import type { Snapshot } from '../broker/model/snapshot';
import type { Lookup } from '../broker/ports/connection-store';
import { connectionKey } from './connection-key';
import { toStored } from './connections';
import { readTables } from './dynamo';
import { headKey, toHead } from './sessions';
import { readShapes, shapesKey } from './topic-index';
import { versioned } from './versioned-dynamo';

/** A connection, the list of shapes and the heads of sessions in one call, although they lie in three tables. */
export class DynamoLookup implements Lookup {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly connectionsTable: string,
    private readonly topicIndexTable: string,
    private readonly sessionsTable: string,
  ) {
    this.db = versioned(db, {
      [connectionsTable]: 'connections',
      [topicIndexTable]: 'topicIndex',
      [sessionsTable]: 'sessions',
    });
  }

  async read(connectionId: string, clientIds: readonly string[]): Promise<Snapshot> {
    const items = await readTables(this.db, {
      [this.connectionsTable]: [connectionKey(connectionId)],
      [this.topicIndexTable]: [shapesKey],
      ...(clientIds.length > 0 ? { [this.sessionsTable]: clientIds.map(headKey) } : {}),
    });
    const heads = (items[this.sessionsTable] ?? []).map(toHead);
    return {
      ...toStored(items[this.connectionsTable]?.[0]),
      shapes: readShapes(items[this.topicIndexTable]?.[0]),
      sessions: new Map(heads.map((head) => [head.clientId, head])),
    };
  }
}
