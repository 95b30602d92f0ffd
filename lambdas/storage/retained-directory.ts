import { QueryCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { Page, PageRequest, RetainedDirectory } from '../broker/ports/directories';
import type { Message } from '../protocol/effects';
import { levels } from '../protocol/topic';
import { matches } from '../protocol/topic-filter';
import { readMessage, text } from './attributes';
import type { Item } from './dynamo';
import { type ReadNext, readPage } from './page-reader';
import { byFirst, firstBucket, literalBeginning } from './retained-keys';
import { beginningOf, literalKeyBytes, maxSortKeyBytes } from './shortened-keys';
import { versioned } from './versioned-dynamo';

/** Minimum number of rows read by one call. */
const minRows = 20;

/**
 * Lists retained messages page by page: by a query where the filter begins with a literal level, otherwise by a scan.
 */
export class DynamoRetainedDirectory implements RetainedDirectory {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'retained' });
  }

  list(filter: string | undefined, page: PageRequest): Promise<Page<Message>> {
    const literal = filter === undefined ? [] : literalBeginning(levels(filter));
    const readNext: ReadNext = (start, wanted) =>
      literal.length > 0 ? this.query(literal, start, wanted) : this.scan(start, wanted);
    const read = (item: Item) => {
      const message = readMessage(item);
      return filter === undefined || matches(filter, message.topic) ? message : undefined;
    };
    return readPage({ readNext, key: ['bucket', 'topic'], read }, page);
  }

  /** `a/b/#` also matches `a/b`, so the query reads everything that begins with `a/b`; the caller removes the rest. */
  private async query(literal: readonly string[], start: Item | undefined, wanted: number) {
    const bucket = text(firstBucket(literal[0] ?? ''));
    const prefix = beginningOf(literal.join('/'), literalKeyBytes(maxSortKeyBytes));
    const { Items = [], LastEvaluatedKey } = await this.db.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: prefix ? '#bucket = :bucket AND begins_with(topic, :prefix)' : '#bucket = :bucket',
        ExpressionAttributeNames: { '#bucket': 'bucket' },
        ExpressionAttributeValues: { ':bucket': bucket, ...(prefix && { ':prefix': text(prefix) }) },
        Limit: Math.max(minRows, wanted),
        ExclusiveStartKey: start && { ...start, bucket }, // a forged cursor must not read another partition
      }),
    );
    return { items: Items, last: LastEvaluatedKey };
  }

  private async scan(start: Item | undefined, wanted: number) {
    const { Items = [], LastEvaluatedKey } = await this.db.send(
      new ScanCommand({
        TableName: this.table,
        FilterExpression: 'begins_with(#bucket, :first)',
        ExpressionAttributeNames: { '#bucket': 'bucket' },
        ExpressionAttributeValues: { ':first': text(byFirst) },
        Limit: Math.max(minRows, 2 * wanted), // every message has a pointer
        ExclusiveStartKey: start,
      }),
    );
    return { items: Items, last: LastEvaluatedKey };
  }
}
