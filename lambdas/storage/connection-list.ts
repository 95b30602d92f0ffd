import { ScanCommand, type ScanCommandOutput } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { MonitoredConnection } from '../broker/model/connection';
import type { RequestedCheck } from '../broker/model/subscription';
import type { ConnectionList } from '../broker/ports/connection-store';
import { readIdentity, readNumber, readText } from './attributes';
import { readEnding } from './connection-item';
import type { Item } from './dynamo';
import { isKnownVersion } from './schema-version';

/**
 * Scans the connections table, eventually consistent: half a read unit for 4 KB, which is about twelve connections.
 * Rows that are rewritten whenever a client is seen cost a hundred times as much (ADR 0020).
 * Connections with a newer schema version are skipped instead of refused: one of them would stop all keep-alive checks.
 */
export class DynamoConnectionList implements ConnectionList {
  constructor(
    private readonly db: DynamoDb,
    private readonly table: string,
  ) {}

  async *all(): AsyncGenerator<(MonitoredConnection | RequestedCheck)[]> {
    let start: Item | undefined;
    do {
      const { Items = [], LastEvaluatedKey }: ScanCommandOutput = await this.db.send(
        new ScanCommand({
          TableName: this.table,
          ProjectionExpression: 'v, connectionId, keepAlive, lastSeen, #identity, #ended, requestedAt',
          FilterExpression: 'attribute_not_exists(pending) OR attribute_exists(requestedAt)',
          ExpressionAttributeNames: { '#identity': 'identity', '#ended': 'ended' },
          ExclusiveStartKey: start,
        }),
      );
      yield Items.filter((item) => isKnownVersion('connections', item)).map(toEntry);
      start = LastEvaluatedKey;
    } while (start);
  }
}

function toEntry(item: Item): MonitoredConnection | RequestedCheck {
  if (item.requestedAt) return { shapesRequestedAt: readNumber(item.requestedAt) };
  return {
    connectionId: readText(item.connectionId),
    keepAlive: readNumber(item.keepAlive),
    lastSeen: readNumber(item.lastSeen),
    identity: readIdentity(item.identity),
    ...(item.ended?.M ? { ended: readEnding(item.ended.M) } : {}),
  };
}
