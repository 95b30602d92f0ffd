import { ScanCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { SessionItem } from '../broker/model/session';
import type { ClientDirectory, Page, PageRequest } from '../broker/ports/directories';
import { text } from './attributes';
import type { Item } from './dynamo';
import { readPage } from './page-reader';
import { headPart, toHead } from './sessions';
import { versioned } from './versioned-dynamo';

/** Rows looked at for one entry, and in one call: beside the head of a session there are its subscriptions. */
const rowsPerEntry = 2;
const fewestRows = 20;

/** The heads among the rows of the sessions table, by a scan. */
export class DynamoClientDirectory implements ClientDirectory {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'sessions' });
  }

  list(page: PageRequest): Promise<Page<SessionItem>> {
    return readPage({ readOn: (start, wanted) => this.scan(start, wanted), key: ['id', 'part'], read: toHead }, page);
  }

  private async scan(start: Item | undefined, wanted: number) {
    const { Items = [], LastEvaluatedKey } = await this.db.send(
      new ScanCommand({
        TableName: this.table,
        FilterExpression: 'part = :head',
        ExpressionAttributeValues: { ':head': text(headPart) },
        Limit: Math.max(fewestRows, wanted * rowsPerEntry),
        ExclusiveStartKey: start,
      }),
    );
    return { items: Items, last: LastEvaluatedKey };
  }
}
