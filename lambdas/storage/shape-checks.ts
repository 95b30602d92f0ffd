import { DeleteItemCommand, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import type { ShapeCheck } from '../broker/model/subscription';
import type { Clock } from '../broker/ports/process';
import { requestMemory, type ShapeChecks } from '../broker/ports/topic-index-store';
import { LruMap } from '../shared/lru-map';
import { flag, number, readNumber, text } from './attributes';
import { connectionKey } from './connection-key';
import { conditionFailed } from './dynamo';
import { writtenVersion } from './schema-version';
import { versioned } from './versioned-dynamo';

/** No connection id of API Gateway contains U+0000. */
const requestId = '\u0000shapes';
const requestKey = connectionKey(requestId);

/** Shapes whose last request one container remembers. A forgotten one is requested again, which is harmless. */
const maxRememberedShapes = 10_000;

/**
 * The request is a row of the connections table, which the schedule reads from one end to the other anyway, so looking for one costs
 * nothing. Releases without requests pass over it as they do over clients that are not let in yet.
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
          'SET pending = :pending, v = :form, requestedAt = if_not_exists(requestedAt, :now), latestAt = :now ' +
          'ADD requests :one, shapes :shapes',
        ExpressionAttributeValues: {
          ':pending': flag(true),
          ':form': writtenVersion('connections').v,
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
    try {
      await this.db.send(
        new DeleteItemCommand({
          TableName: this.table,
          Key: requestKey,
          ConditionExpression: 'requests = :requests',
          ExpressionAttributeValues: { ':requests': number(requests) },
        }),
      );
      return 'removed';
    } catch (error) {
      if (conditionFailed(error)) return 'changed';
      throw error;
    }
  }

  async postpone(without: readonly string[]): Promise<void> {
    try {
      await this.db.send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: requestKey,
          UpdateExpression: `SET requestedAt = :now${without.length > 0 ? ' DELETE shapes :without' : ''}`,
          ConditionExpression: 'connectionId = :key',
          ExpressionAttributeValues: {
            ':now': number(this.now()),
            ':key': text(requestId),
            ...(without.length > 0 && { ':without': { SS: [...without] } }),
          },
        }),
      );
    } catch (error) {
      if (!conditionFailed(error)) throw error; // another check was faster
    }
  }
}
