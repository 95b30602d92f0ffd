import { randomUUID } from 'node:crypto';
import { DeleteItemCommand, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import { LruMap } from '../shared/lru-map';
import { text } from './attributes';
import { type Item, unlessConditionFailed } from './dynamo';
import { keyOf, maxSortKeyBytes } from './shortened-keys';

/** Partition of the list of first levels. */
export const firstLevels = 'levels';

/** Prefix of the sort key of each listed level. */
export const levelPrefix = '#';

/** Levels that one container caches as listed. */
const maxKnownLevels = 2000;

/**
 * The list of first levels that have retained messages. A level is removed with its last message, while others may be
 * storing a message below it:
 *
 * - A writer that stores the first message of a topic reads the row of the level afterwards. It writes the row again if
 * it is absent or marked for removal.
 * - A removal marks the row, then searches for a message, then removes the row if it still has the same mark.
 *
 * So either the mark is written after the message, and the search finds the message; or the writer sees the mark or the
 * removal, and the row exists again before the message is routed. A marked row still lists its level.
 */
export class RetainedLevels {
  /** Levels that this container has seen listed. They may have been removed since; `confirm` detects that. */
  private readonly listed = new LruMap<string, true>({ maxSize: maxKnownLevels });

  constructor(
    private readonly db: DynamoDb,
    private readonly table: string,
  ) {}

  /** Lists a level before this container stores its first message there. */
  async ensure(level: string): Promise<void> {
    if (this.listed.get(level)) return;
    const command = new GetItemCommand({ TableName: this.table, Key: levelKey(level), ConsistentRead: true });
    await this.confirm(level, (await this.db.send(command)).Item);
    this.listed.set(level, true);
  }

  /**
   * Writes the row of a level again if it was absent or marked for removal when it was read after a message was stored.
   */
  async confirm(level: string, row: Item | undefined): Promise<void> {
    if (row && !row.emptied) return;
    const Item = { ...levelKey(level), name: text(level) };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
  }

  /** Removes a level, unless `isEmpty` finds a message. */
  async removeIfEmpty(level: string, isEmpty: () => Promise<boolean>): Promise<void> {
    const removalId = randomUUID();
    const isRemovalStarted = await unlessConditionFailed(
      this.db.send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: levelKey(level),
          UpdateExpression: 'SET emptied = :removal',
          ConditionExpression: 'attribute_exists(topic)',
          ExpressionAttributeValues: { ':removal': text(removalId) },
        }),
      ),
    );
    if (!isRemovalStarted || !(await isEmpty())) return;
    this.listed.delete(level);
    await unlessConditionFailed(
      this.db.send(
        new DeleteItemCommand({
          TableName: this.table,
          Key: levelKey(level),
          ConditionExpression: 'emptied = :removal',
          ExpressionAttributeValues: { ':removal': text(removalId) },
        }),
      ),
    );
  }
}

export function levelKey(level: string): Item {
  return { bucket: text(firstLevels), topic: text(keyOf(level, maxSortKeyBytes, levelPrefix)) };
}
