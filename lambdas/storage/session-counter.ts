import { ScanCommand, type ScanCommandOutput } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { SessionCounter, SessionCountPage } from '../broker/ports/directories';
import { readText } from './attributes';
import type { Item } from './dynamo';
import { noRetainedLimits, RetainedCount } from './retained-count';
import { sessionItemPart, toSessionItem } from './session-item';
import { subscriptionPrefix } from './subscription-rows';
import { versioned } from './versioned-dynamo';

/** Options for counting sessions and retained messages. */
export interface SessionCounterTables {
  readonly sessions: string;
  readonly retained: string;
  /** True if retained messages are limited, and therefore counted. */
  readonly countsRetained: boolean;
}

/**
 * Counts sessions by a scan, eventually consistent at half the price, and reads the stored count of retained messages.
 */
export class DynamoSessionCounter implements SessionCounter {
  private readonly db: DynamoDb;
  private readonly count: RetainedCount;

  constructor(
    db: DynamoDb,
    private readonly tables: SessionCounterTables,
    now: () => number,
  ) {
    this.db = versioned(db, { [tables.sessions]: 'sessions', [tables.retained]: 'retained' });
    this.count = new RetainedCount(this.db, tables.retained, { limits: noRetainedLimits, now });
  }

  async *sessions(): AsyncGenerator<SessionCountPage> {
    let start: Item | undefined;
    do {
      const command = new ScanCommand({ TableName: this.tables.sessions, ExclusiveStartKey: start });
      const { Items = [], LastEvaluatedKey }: ScanCommandOutput = await this.db.send(command);
      yield pageOf(Items);
      start = LastEvaluatedKey;
    } while (start);
  }

  async retained(): Promise<number | undefined> {
    return this.tables.countsRetained ? this.count.all() : undefined;
  }
}

function pageOf(items: readonly Item[]): SessionCountPage {
  const ofKind = (isKind: (part: string) => boolean) => items.filter(({ part }) => isKind(readText(part)));
  return {
    sessions: ofKind((part) => part === sessionItemPart).map(toSessionItem),
    subscriptions: ofKind((part) => part.startsWith(subscriptionPrefix)).length,
  };
}
