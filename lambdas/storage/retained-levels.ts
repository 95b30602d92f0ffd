import { randomUUID } from 'node:crypto';
import { DeleteItemCommand, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import { LruMap } from '../shared/lru-map';
import { text } from './attributes';
import { conditionFailed, type Item } from './dynamo';
import { keyOf, maximumSortKey } from './keys';

/** Partition of the list of first levels. */
export const firstLevels = 'levels';

/** What the sort key of each listed level begins with. */
export const levelPrefix = '#';

/** Levels that one container remembers as listed. */
const maxKnownLevels = 2000;

/**
 * The list of first levels that have retained messages. A level is removed with its last message, while others may be storing a
 * message below it:
 *
 * - Whoever stores the first message of a topic reads the row of the level afterwards, and writes it again where it is absent or
 *   marked as about to be removed.
 * - Whoever removes a level marks its row, then looks for a message, then removes the row if it still has this mark.
 *
 * So either the mark comes after the message, and the look finds the message; or the writer sees the mark or the removal, and the
 * row is there when the message is routed. A marked row still lists its level.
 */
export class RetainedLevels {
  /** Levels that this container has seen listed. They may have been removed since, as `confirm` finds out. */
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

  /** Writes the row of a level, as it was read after a message was stored, again if the level is being removed. */
  async confirm(level: string, row: Item | undefined): Promise<void> {
    if (row && !row.emptied) return;
    const Item = { ...levelKey(level), name: text(level) };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
  }

  /** Removes a level, unless `isEmpty` finds that it has a message. */
  async removeIf(level: string, isEmpty: () => Promise<boolean>): Promise<void> {
    const mark = randomUUID();
    const isMarked = await this.unlessConditionFailed(
      this.db.send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: levelKey(level),
          UpdateExpression: 'SET emptied = :mark',
          ConditionExpression: 'attribute_exists(topic)',
          ExpressionAttributeValues: { ':mark': text(mark) },
        }),
      ),
    );
    if (!isMarked || !(await isEmpty())) return;
    this.listed.delete(level);
    await this.unlessConditionFailed(
      this.db.send(
        new DeleteItemCommand({
          TableName: this.table,
          Key: levelKey(level),
          ConditionExpression: 'emptied = :mark',
          ExpressionAttributeValues: { ':mark': text(mark) },
        }),
      ),
    );
  }

  private async unlessConditionFailed(write: Promise<unknown>): Promise<boolean> {
    try {
      await write;
      return true;
    } catch (error) {
      if (conditionFailed(error)) return false;
      throw error;
    }
  }
}

export function levelKey(level: string): Item {
  return { bucket: text(firstLevels), topic: text(keyOf(level, maximumSortKey, levelPrefix)) };
}
