import { DeleteItemCommand, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { ShapeCheck } from '../broker/model/subscription';
import type { Clock } from '../broker/ports/process';
import { requestMemory, type ShapeChecks } from '../broker/ports/topic-index-store';
import { LruMap } from '../shared/lru-map';
import { flag, number, readNumber } from './attributes';
import { connectionKey } from './connection-attributes';
import { unlessConditionFailed } from './dynamo';
import { writtenVersion } from './schema-version';
import { versioned } from './versioned-dynamo';

/** No connection id of API Gateway contains U+0000. */
const requestId = '\u0000shapes';
const requestKey = connectionKey(requestId);

/** Shapes whose last request one container remembers. A forgotten one is requested again, which is harmless. */
const maxRememberedShapes = 10_000;

/**
 * The request is a row of the connections table, which the schedule scans anyway, so it costs nothing to find. Releases
 * without requests ignore it like a pending connection.
 */
export class DynamoShapeChecks implements ShapeChecks {
  private readonly db: DynamoDb;
  /** Time of this container's last request for the check of a shape, in milliseconds since 1970. */
  private readonly requestedAt = new LruMap<string, number>({ maxSize: maxRememberedShapes });

  constructor(
    db: DynamoDb,
    private readonly table: string,
    private readonly now: Clock,
  ) {
    this.db = versioned(db, { [table]: 'connections' });
  }

  async request(shapes: readonly string[]): Promise<void> {
    const now = this.now();
    const requested = shapes.filter((shape) => now - (this.requestedAt.get(shape) ?? -Infinity) >= requestMemory);
    if (requested.length === 0) return;
    await this.db.send(
      new UpdateItemCommand({
        TableName: this.table,
        Key: requestKey,
        UpdateExpression:
          'SET pending = :pending, v = :schemaVersion, requestedAt = if_not_exists(requestedAt, :now), latestAt = :now ' +
          'ADD requests :one, shapes :shapes',
        ExpressionAttributeValues: {
          ':pending': flag(true),
          ':schemaVersion': writtenVersion('connections').v,
          ':now': number(now),
          ':one': number(1),
          ':shapes': { SS: requested },
        },
      }),
    );
    for (const shape of requested) this.requestedAt.set(shape, now);
  }

  async read(): Promise<ShapeCheck | undefined> {
    const command = new GetItemCommand({ TableName: this.table, Key: requestKey, ConsistentRead: true });
    const { Item } = await this.db.send(command);
    if (!Item) return undefined;
    return { shapes: Item.shapes?.SS ?? [], requests: readNumber(Item.requests), latestAt: readNumber(Item.latestAt) };
  }

  async remove({ requests }: ShapeCheck): Promise<'removed' | 'changed'> {
    const output = await unlessConditionFailed(
      this.db.send(
        new DeleteItemCommand({
          TableName: this.table,
          Key: requestKey,
          ConditionExpression: 'requests = :requests',
          ExpressionAttributeValues: { ':requests': number(requests) },
        }),
      ),
    );
    return output ? 'removed' : 'changed';
  }

  async postpone(without: readonly string[]): Promise<void> {
    await unlessConditionFailed(
      this.db.send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: requestKey,
          UpdateExpression: `SET requestedAt = :now${without.length > 0 ? ' DELETE shapes :without' : ''}`,
          ConditionExpression: 'attribute_exists(connectionId)',
          ExpressionAttributeValues: {
            ':now': number(this.now()),
            ...(without.length > 0 && { ':without': { SS: [...without] } }),
          },
        }),
      ),
    );
  }
}
