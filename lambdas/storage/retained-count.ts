import { DeleteItemCommand, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { Clock } from '../broker/ports/process';
import { LruMap } from '../shared/lru-map';
import { number, readNumber, text } from './attributes';
import { type Item, unlessConditionFailed } from './dynamo';
import { writtenVersion } from './schema-version';
import { keyOf, maxPartitionKeyBytes } from './shortened-keys';

/** Milliseconds for which the count of all messages is cached. */
const freshness = 5000;

/** Milliseconds for which the count of an account far below its limit is cached. */
const distantFreshness = 300_000;

/** An account is far below its limit with fewer messages than this share of the limit minus this margin. */
const distantShare = 0.8;
const distantMargin = 16;

/** Accounts whose count one container caches. */
const maxCachedCounts = 1000;

const bucketPrefix = 'count';

interface KnownCount {
  readonly count: number;
  readonly readAt: number;
}

/** Maximum number of retained messages in the whole broker and of each account; 0 means no limit. */
export interface RetainedLimits {
  readonly all: number;
  readonly perAccount: number;
}

export interface RetainedCountOptions {
  readonly limits: RetainedLimits;
  readonly now: Clock;
}

export const noRetainedLimits: RetainedLimits = { all: 0, perAccount: 0 };

/**
 * Number of retained messages of the whole broker and of each account that has a limit. A count changes when a topic
 * gets its first message, loses its last one, or changes its account. A worker that dies between the write of a message
 * and of its count leaves the count wrong by one.
 */
export class RetainedCount {
  private readonly limits: RetainedLimits;
  private readonly now: Clock;
  private readonly cache = new LruMap<string, KnownCount>({ maxSize: maxCachedCounts });

  constructor(
    private readonly db: DynamoDb,
    private readonly table: string,
    { limits, now }: RetainedCountOptions,
  ) {
    this.limits = limits;
    this.now = now;
  }

  /** Returns the number of messages in the whole broker. */
  all(): Promise<number> {
    return this.read(undefined, freshness);
  }

  async isFull(): Promise<boolean> {
    const { all } = this.limits;
    return all > 0 && (await this.all()) >= all;
  }

  async isFullFor(account: string): Promise<boolean> {
    const { perAccount } = this.limits;
    if (perAccount === 0) return false;
    const isDistant = (this.cache.get(account)?.count ?? 0) < perAccount * distantShare - distantMargin;
    return (await this.read(account, isDistant ? distantFreshness : 0)) >= perAccount;
  }

  /**
   * Counts a message of `account` that has replaced one of `former`. `former` is undefined for a new topic and `''` for
   * a message without an account.
   */
  async replaced(account: string, former: string | undefined): Promise<void> {
    if (former === undefined) await this.add(undefined, 1);
    if (account === former) return;
    await this.add(account, 1);
    if (former) await this.add(former, -1);
  }

  async removed(former: string): Promise<void> {
    await this.add(undefined, -1);
    await this.add(former, -1);
  }

  private async read(account: string | undefined, maximumAge: number): Promise<number> {
    const known = this.cache.get(account ?? '');
    if (known && this.now() - known.readAt < maximumAge) return known.count;
    const command = new GetItemCommand({ TableName: this.table, Key: countKey(account), ConsistentRead: true });
    return this.remember(account, (await this.db.send(command)).Item);
  }

  private async add(account: string | undefined, difference: 1 | -1): Promise<void> {
    const limit = account === undefined ? this.limits.all : this.limits.perAccount;
    if (limit === 0 || account === '') return;
    const { Attributes } = await this.db.send(
      new UpdateItemCommand({
        TableName: this.table,
        Key: countKey(account),
        UpdateExpression: `SET v = :schemaVersion${account === undefined ? '' : ', account = :account'} ADD messages :difference`,
        ExpressionAttributeValues: {
          ':difference': number(difference),
          ':schemaVersion': writtenVersion('retained').v,
          ...(account !== undefined && { ':account': text(account) }),
        },
        ReturnValues: 'ALL_NEW',
      }),
    );
    if (this.remember(account, Attributes) <= 0 && account !== undefined) await this.forget(account);
  }

  /** Removes the count of an account that has no retained message left. */
  private async forget(account: string): Promise<void> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: countKey(account),
      ConditionExpression: 'messages <= :none',
      ExpressionAttributeValues: { ':none': number(0) },
    });
    await unlessConditionFailed(this.db.send(command));
  }

  private remember(account: string | undefined, item: Item | undefined): number {
    const count = readNumber(item?.messages);
    this.cache.set(account ?? '', { count, readAt: this.now() });
    return count;
  }
}

function countKey(account: string | undefined): Item {
  if (account === undefined) return { bucket: text(bucketPrefix), topic: text('count') };
  return { bucket: text(keyOf(account, maxPartitionKeyBytes, `${bucketPrefix}#`)), topic: text('count') };
}
