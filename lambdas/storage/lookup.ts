import type { DynamoDb } from '../aws/dynamodb';
import type { Snapshot } from '../broker/model/snapshot';
import type { Lookup } from '../broker/ports/connection-store';
import { connectionKey } from './connection-attributes';
import { toStored } from './connection-item';
import { readTables } from './dynamo';
import { sessionKey, toSessionItem } from './session-item';
import { readShapes, shapesKey } from './topic-index';
import { versioned } from './versioned-dynamo';

/** Deployed names of the tables. */
export interface LookupTables {
  readonly connections: string;
  readonly topicIndex: string;
  readonly sessions: string;
}

/** Reads a connection, the list of shapes and session items from three tables in one call. */
export class DynamoLookup implements Lookup {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly tables: LookupTables,
  ) {
    const { connections, topicIndex, sessions } = tables;
    this.db = versioned(db, { [connections]: 'connections', [topicIndex]: 'topicIndex', [sessions]: 'sessions' });
  }

  async read(connectionId: string, clientIds: readonly string[]): Promise<Snapshot> {
    const { connections, topicIndex, sessions } = this.tables;
    const items = await readTables(this.db, {
      [connections]: [connectionKey(connectionId)],
      [topicIndex]: [shapesKey],
      ...(clientIds.length > 0 ? { [sessions]: clientIds.map(sessionKey) } : {}),
    });
    const sessionItems = (items[sessions] ?? []).map(toSessionItem);
    return {
      ...toStored(items[connections]?.[0]),
      shapes: readShapes(items[topicIndex]?.[0]),
      sessions: new Map(sessionItems.map((item) => [item.clientId, item])),
    };
  }
}
