import { UpdateItemCommand, type UpdateItemCommandInput, type WriteRequest } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { SessionId } from '../broker/model/fence';
import { type Item, readAll, unlessConditionFailed, writeAll } from './dynamo';
import { type SlotKind, slotKey } from './slot-keys';

/** Calls that all parts of the inflight store share. */
export class InflightTable {
  constructor(
    readonly db: DynamoDb,
    readonly name: string,
  ) {}

  /** Returns the existing rows of these packet ids, in no particular order. */
  read(session: SessionId, kind: SlotKind, packetIds: readonly number[]): Promise<Item[]> {
    const keys = [...new Set(packetIds)].map((packetId) => slotKey(session, kind, packetId));
    return readAll(this.db, this.name, keys);
  }

  write(requests: WriteRequest[]): Promise<void> {
    return writeAll(this.db, this.name, requests);
  }

  delete(session: SessionId, kind: SlotKind, packetIds: readonly number[]): Promise<void> {
    const keys = [...new Set(packetIds)].map((packetId) => slotKey(session, kind, packetId));
    return this.write(keys.map((Key) => ({ DeleteRequest: { Key } })));
  }

  /**
   * Returns the updated item when `ReturnValues` requests it, otherwise an empty one; undefined when the condition does
   * not hold.
   */
  async update(Key: Item, expression: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>): Promise<Item | undefined> {
    const command = new UpdateItemCommand({ TableName: this.name, Key, ...expression });
    const output = await unlessConditionFailed(this.db.send(command));
    return output && (output.Attributes ?? {});
  }
}
