import { ScanCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { SessionItem } from '../broker/model/session';
import type { ClientDirectory, Page, PageRequest } from '../broker/ports/directories';
import { text } from './attributes';
import type { Item } from './dynamo';
import { readPage } from './page-reader';
import { sessionItemPart, toSessionItem } from './session-item';
import { versioned } from './versioned-dynamo';

/**
 * Rows read for each session, and minimum in one call: the partition of a client also has wills, and other partitions
 * have subscriptions.
 */
const rowsPerSession = 2;
const minRows = 20;

/** Lists the session items of the sessions table by a scan. */
export class DynamoClientDirectory implements ClientDirectory {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'sessions' });
  }

  list(page: PageRequest): Promise<Page<SessionItem>> {
    return readPage(
      { readNext: (start, wanted) => this.scan(start, wanted), key: ['id', 'part'], read: toSessionItem },
      page,
    );
  }

  private async scan(start: Item | undefined, wanted: number) {
    const { Items = [], LastEvaluatedKey } = await this.db.send(
      new ScanCommand({
        TableName: this.table,
        FilterExpression: 'part = :head',
        ExpressionAttributeValues: { ':head': text(sessionItemPart) },
        Limit: Math.max(minRows, wanted * rowsPerSession),
        ExclusiveStartKey: start,
      }),
    );
    return { items: Items, last: LastEvaluatedKey };
  }
}
