import { ScanCommand, type ScanCommandOutput } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { MonitoredConnection } from '../broker/model/connection';
import type { RequestedCheck } from '../broker/model/subscription';
import type { ConnectionList } from '../broker/ports/connection-store';
import { readNumber, readText } from './attributes';
import { readEnding } from './connections';
import type { Item } from './dynamo';
import { readIdentity } from './identity';
import { isKnownVersion } from './schema-version';

/**
 * The connections table from one end to the other, eventually consistent: half a read unit for 4 KB, so for a dozen
 * connections. Rows that were moved whenever a client turned out to be there cost a hundred times as much (ADR 0020).
 * Connections of a newer form are passed over rather than refused: one of them would keep everybody's time from being up.
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
