import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { ConnectionRecord, Ending, PendingConnection, StoredConnection } from '../broker/model/connection';
import type { ConnectionStore } from '../broker/ports/connection-store';
import { flag, number } from './attributes';
import { connectionKey } from './connection-attributes';
import { changesOf, endingAttributes, rowLifetimeSeconds, toItem, toRecord, toStored } from './connection-item';
import { type Item, unlessConditionFailed } from './dynamo';
import { pendingItem } from './pending-connections';
import { versioned } from './versioned-dynamo';

/** The connections table. */
export class DynamoConnectionStore implements ConnectionStore {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'connections' });
  }

  async read(connectionId: string): Promise<ConnectionRecord | undefined> {
    return (await this.load(connectionId)).connection;
  }

  async load(connectionId: string): Promise<StoredConnection> {
    const command = new GetItemCommand({
      TableName: this.table,
      Key: connectionKey(connectionId),
      ConsistentRead: true,
    });
    const { Item } = await this.db.send(command);
    return toStored(Item);
  }

  async putPending(pending: PendingConnection): Promise<void> {
    await this.db.send(new PutItemCommand({ TableName: this.table, Item: pendingItem(pending) }));
  }

  async removePending(connectionId: string): Promise<void> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: connectionKey(connectionId),
      ConditionExpression: 'attribute_exists(pending)',
    });
    await unlessConditionFailed(this.db.send(command));
  }

  async create(record: ConnectionRecord): Promise<void> {
    await this.db.send(new PutItemCommand({ TableName: this.table, Item: toItem(record) }));
  }

  async commit(record: ConnectionRecord, before: ConnectionRecord): Promise<void> {
    const { set, remove, changes } = changesOf(record, before);
    await this.db.send(
      new UpdateItemCommand({
        TableName: this.table,
        Key: connectionKey(record.connectionId),
        UpdateExpression: `SET ${set.join(', ')}${remove.length > 0 ? ` REMOVE ${remove.join(', ')}` : ''}`,
        ConditionExpression: 'attribute_exists(connectionId)',
        ...(changes[':identity'] ? { ExpressionAttributeNames: { '#identity': 'identity' } } : {}),
        ExpressionAttributeValues: changes,
      }),
    );
  }

  async commitFrom(record: ConnectionRecord, expected: number): Promise<'committed' | 'stale'> {
    const output = await unlessConditionFailed(
      this.db.send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: connectionKey(record.connectionId),
          UpdateExpression: 'SET lastSeen = :seen, lastNumber = :number',
          // The second half accepts this very commit, repeated because its response was lost.
          ConditionExpression:
            '(lastNumber = :expected OR (lastNumber = :number AND lastSeen = :seen)) ' +
            'AND attribute_not_exists(tail) AND attribute_not_exists(early)',
          ExpressionAttributeValues: {
            ':seen': number(record.lastSeen),
            ':number': number(record.lastNumber),
            ':expected': number(expected),
          },
        }),
      ),
    );
    return output ? 'committed' : 'stale';
  }

  /**
   * Writes the whole record, because a connection that opens and closes within one turn has no row yet. Its time to
   * live starts at the last deadline: the session may last for years.
   */
  async end(record: ConnectionRecord, ended: Ending): Promise<void> {
    const last = Math.max(ended.willAt ?? 0, ended.sessionEndsAt ?? 0);
    const { rest: _rest, ...ending } = record;
    const stored = { ...ending, tail: Buffer.alloc(0), early: [], aliases: new Map(), outgoingAliases: new Map() };
    const { lastNumber: _, ...item } = toItem(stored); // without it `commitFrom` fails
    const Item = {
      ...item,
      ended: { M: endingAttributes(ended) },
      expiresAt: number(Math.ceil(last / 1000) + rowLifetimeSeconds),
    };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
  }

  async markSuperseded(connectionId: string, at: number): Promise<ConnectionRecord | undefined> {
    const marked = await this.updateOpen(connectionId, {
      UpdateExpression: 'SET supersededAt = if_not_exists(supersededAt, :at)',
      ConditionExpression: 'attribute_exists(connectionId)',
      ExpressionAttributeValues: { ':at': number(at) },
    });
    return marked && toRecord(marked);
  }

  async renewSuperseded(connectionId: string, at: number): Promise<'goes on' | 'taken over'> {
    const renewed = await this.updateOpen(connectionId, {
      UpdateExpression: 'SET supersededAt = :at',
      ConditionExpression: 'attribute_exists(connectionId) AND attribute_not_exists(takenOver)',
      ExpressionAttributeValues: { ':at': number(at) },
    });
    return renewed ? 'goes on' : 'taken over';
  }

  /** Also removes the last frame number, so that `commitFrom` fails. */
  async markTakenOver(connectionId: string, supersededAt: number): Promise<'taken over' | 'changed'> {
    const taken = await this.updateOpen(connectionId, {
      UpdateExpression: 'SET takenOver = :yes REMOVE lastNumber',
      ConditionExpression: 'supersededAt = :seen',
      ExpressionAttributeValues: { ':yes': flag(true), ':seen': number(supersededAt) },
    });
    return taken ? 'taken over' : 'changed';
  }

  /** Returns the updated item of an open connection; undefined when it is not open or the condition does not hold. */
  private async updateOpen(
    connectionId: string,
    {
      ConditionExpression,
      ...update
    }: Pick<UpdateItemCommandInput, 'UpdateExpression' | 'ConditionExpression'> &
      Pick<UpdateItemCommandInput, 'ExpressionAttributeValues'>,
  ): Promise<Item | undefined> {
    const command = new UpdateItemCommand({
      TableName: this.table,
      Key: connectionKey(connectionId),
      ...update,
      ConditionExpression: `${ConditionExpression} AND attribute_not_exists(pending) AND attribute_not_exists(#ended)`,
      ExpressionAttributeNames: { '#ended': 'ended' },
      ReturnValues: 'ALL_NEW',
    });
    return (await unlessConditionFailed(this.db.send(command)))?.Attributes;
  }

  async remove(connectionId: string): Promise<void> {
    await this.db.send(new DeleteItemCommand({ TableName: this.table, Key: connectionKey(connectionId) }));
  }
}
