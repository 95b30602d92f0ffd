import { createHash } from 'node:crypto';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import { dueKey } from '../broker/deadline';
import type { Deadline, DeadlineStore } from '../broker/ports';
import { readText, text } from './attributes';
import { type Item, pages } from './dynamo';
import { formed } from './formed-dynamo';

/** Partitions the deadlines are spread over; the sweeper reads each, so more of them cost reads on an idle broker. */
const shards = 4;

/** What falls due, sorted by time within a few shards. */
export class DynamoDeadlineStore implements DeadlineStore {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = formed(db, { [table]: 'deadlines' });
  }

  async put(deadline: Deadline): Promise<void> {
    const Item = { ...key(deadline), connectionId: text(deadline.connectionId) };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
  }

  async remove(deadline: Deadline): Promise<void> {
    await this.db.send(new DeleteItemCommand({ TableName: this.table, Key: key(deadline) }));
  }

  async *dueBefore(time: number): AsyncGenerator<Deadline[]> {
    for (let shard = 0; shard < shards; shard++) {
      for await (const page of pages(this.db, this.query(shard, time))) yield page.map(toDeadline);
    }
  }

  private query(shard: number, time: number) {
    return {
      TableName: this.table,
      KeyConditionExpression: '#shard = :shard AND due < :time',
      ExpressionAttributeNames: { '#shard': 'shard' },
      ExpressionAttributeValues: { ':shard': text(String(shard)), ':time': text(dueKey(time, '')) },
    };
  }
}

function key(deadline: Deadline): Item {
  const shard = (createHash('sha256').update(deadline.connectionId).digest()[0] ?? 0) % shards;
  return { shard: text(String(shard)), due: text(deadline.due) };
}

function toDeadline(item: Item): Deadline {
  return { due: readText(item.due), connectionId: readText(item.connectionId) };
}
