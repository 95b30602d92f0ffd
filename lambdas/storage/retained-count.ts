import { GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import { number, readNumber, text } from './attributes';
import type { Item } from './dynamo';
import { writtenForm } from './item-form';

/** Milliseconds that a count is believed. */
const freshness = 5000;

const key: Item = { bucket: text('count'), topic: text('count') };

/**
 * How many messages are retained, kept only where they are limited. A worker that dies between a message and its count leaves it
 * wrong by one, which a limit of many can bear.
 */
export class RetainedCount {
  private known: { readonly count: number; readonly readAt: number } | undefined;

  constructor(
    private readonly db: DynamoDb,
    private readonly table: string,
    private readonly now: () => number,
  ) {}

  async read(): Promise<number> {
    if (this.known && this.now() - this.known.readAt < freshness) return this.known.count;
    const { Item } = await this.db.send(new GetItemCommand({ TableName: this.table, Key: key }));
    return this.remember(Item);
  }

  async add(difference: 1 | -1): Promise<void> {
    const { Attributes } = await this.db.send(
      new UpdateItemCommand({
        TableName: this.table,
        Key: key,
        UpdateExpression: 'SET v = :form ADD messages :difference',
        ExpressionAttributeValues: { ':difference': number(difference), ':form': writtenForm('retained').v },
        ReturnValues: 'ALL_NEW',
      }),
    );
    this.remember(Attributes);
  }

  private remember(item: Item | undefined): number {
    const count = readNumber(item?.messages);
    this.known = { count, readAt: this.now() };
    return count;
  }
}
