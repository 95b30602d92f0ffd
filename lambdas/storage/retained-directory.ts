import { QueryCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { Page, PageRequest, RetainedDirectory } from '../broker/ports/directories';
import type { Message } from '../protocol/effects';
import { levels } from '../protocol/topic';
import { matches } from '../protocol/topic-filter';
import { readMessage, text } from './attributes';
import type { Item } from './dynamo';
import { beginningOf, literalBytes, maximumSortKey } from './keys';
import { type ReadOn, readPage } from './page-reader';
import { byFirst, firstBucket, literalBeginning } from './retained-keys';
import { versioned } from './versioned-dynamo';

/** Rows looked at in one call. */
const fewestRows = 20;

/** Retained messages page by page: below a name by a query, all of them by a scan. */
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
    const readOn: ReadOn = (start, wanted) =>
      literal.length > 0 ? this.query(literal, start, wanted) : this.scan(start, wanted);
    const read = (item: Item) => {
      const message = readMessage(item);
      return filter === undefined || matches(filter, message.topic) ? message : undefined;
    };
    return readPage({ readOn, key: ['bucket', 'topic'], read }, page);
  }

  /** `a/b/#` also matches `a/b` itself, so what is asked for begins with `a/b`, and some of it is left out again. */
  private async query(literal: readonly string[], start: Item | undefined, wanted: number) {
    const bucket = text(firstBucket(literal[0] ?? ''));
    const prefix = beginningOf(literal.join('/'), literalBytes(maximumSortKey));
    const { Items = [], LastEvaluatedKey } = await this.db.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: prefix ? '#bucket = :bucket AND begins_with(topic, :prefix)' : '#bucket = :bucket',
        ExpressionAttributeNames: { '#bucket': 'bucket' },
        ExpressionAttributeValues: { ':bucket': bucket, ...(prefix && { ':prefix': text(prefix) }) },
        Limit: Math.max(fewestRows, wanted),
        ExclusiveStartKey: start && { ...start, bucket }, // whatever a cursor says, nothing else is read
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
        Limit: Math.max(fewestRows, 2 * wanted), // every message has a pointer
        ExclusiveStartKey: start,
      }),
    );
    return { items: Items, last: LastEvaluatedKey };
  }
}
