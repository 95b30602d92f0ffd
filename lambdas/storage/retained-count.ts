import { DeleteItemCommand, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import { LruMap } from '../shared/lru-map';
import { number, readNumber, text } from './attributes';
import { conditionFailed, type Item } from './dynamo';
import { keyOf, maximumPartitionKey } from './keys';
import { writtenVersion } from './schema-version';

/** Milliseconds that a count of all messages is believed. */
const freshness = 5000;

/** Milliseconds that the count of an account is believed while it is far below its limit. */
const farFreshness = 300_000;

/** Part of its limit, and messages below that part, up to which an account is far from it. */
const farPart = 0.8;
const farMessages = 16;

/** Accounts whose count one container caches. */
const maxCachedCounts = 1000;

const bucketPrefix = 'count';

interface KnownCount {
  readonly count: number;
  readonly readAt: number;
}

/** Messages that may be retained: in the whole broker, and by each account; 0 is any number. */
export interface RetainedLimits {
  readonly all: number;
  readonly perAccount: number;
}

export const noRetainedLimits: RetainedLimits = { all: 0, perAccount: 0 };

/**
 * Number of retained messages, of the whole broker and of each account, as far as they are limited. A count is written when a topic
 * gets its first message, loses its last one, or changes its account. A worker that dies between a message and its count leaves the
 * count wrong by one.
 */
export class RetainedCount {
  private readonly known = new LruMap<string, KnownCount>({ maxSize: maxCachedCounts });

  constructor(
    private readonly db: DynamoDb,
    private readonly table: string,
    private readonly limits: RetainedLimits,
    private readonly now: () => number,
  ) {}

  /** Messages of the whole broker. */
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
    const isFar = (this.known.get(account)?.count ?? 0) < perAccount * farPart - farMessages;
    return (await this.read(account, isFar ? farFreshness : 0)) >= perAccount;
  }

  /** A message of `account` was put in place of one of `former`; undefined where there was none, `''` where nobody owns it. */
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
    const known = this.known.get(account ?? '');
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
        UpdateExpression: `SET v = :form${account === undefined ? '' : ', account = :account'} ADD messages :difference`,
        ExpressionAttributeValues: {
          ':difference': number(difference),
          ':form': writtenVersion('retained').v,
          ...(account !== undefined && { ':account': text(account) }),
        },
        ReturnValues: 'ALL_NEW',
      }),
    );
    if (this.remember(account, Attributes) <= 0 && account !== undefined) await this.forget(account);
  }

  /** Removes the count of an account that retains nothing any more. */
  private async forget(account: string): Promise<void> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: countKey(account),
      ConditionExpression: 'messages <= :none',
      ExpressionAttributeValues: { ':none': number(0) },
    });
    await this.db.send(command).catch((error) => {
      if (!conditionFailed(error)) throw error;
    });
  }

  private remember(account: string | undefined, item: Item | undefined): number {
    const count = readNumber(item?.messages);
    this.known.set(account ?? '', { count, readAt: this.now() });
    return count;
  }
}

function countKey(account: string | undefined): Item {
  if (account === undefined) return { bucket: text(bucketPrefix), topic: text('count') };
  return { bucket: text(keyOf(account, maximumPartitionKey, `${bucketPrefix}#`)), topic: text('count') };
}
