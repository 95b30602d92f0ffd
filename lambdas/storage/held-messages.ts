import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { Fence, SessionId } from '../broker/model/fence';
import type { HeldMessage } from '../broker/model/queued-message';
import {
  messageAttributes,
  number,
  packetIdAttribute,
  readMessage,
  readNumber,
  readPacketIds,
  readText,
  text,
} from './attributes';
import type { Item } from './dynamo';
import type { InflightTable } from './inflight-table';
import { incoming, slotKey, unreleased } from './slot-keys';

/** Incoming QoS 2 messages between PUBLISH and PUBREL, and packet ids that no PUBREL has released. */
export class HeldMessages {
  constructor(private readonly table: InflightTable) {}

  async hold(session: SessionId, held: readonly HeldMessage[]): Promise<void> {
    const last = new Map(held.map((entry) => [entry.packetId, entry]));
    await this.table.write([...last.values()].map((entry) => ({ PutRequest: { Item: toHeldItem(session, entry) } })));
  }

  async held(session: SessionId, packetIds: readonly number[]): Promise<HeldMessage[]> {
    return (await this.table.read(session, incoming, packetIds)).map(toHeldMessage);
  }

  async adopt(session: SessionId, held: HeldMessage, holder: Fence): Promise<'adopted' | 'changed'> {
    const adopted = await this.table.update(slotKey(session, incoming, held.packetId), {
      UpdateExpression: 'SET holder = :to',
      ConditionExpression: 'id = :id AND (holder = :from OR holder = :to)', // the second half accepts this very update, repeated because its response was lost
      ExpressionAttributeValues: {
        ':to': text(holder),
        ':from': text(held.holder),
        ':id': text(held.id),
      },
    });
    return adopted ? 'adopted' : 'changed';
  }

  async removeHeld(session: SessionId, packetIds: readonly number[]): Promise<void> {
    await this.table.delete(session, incoming, packetIds);
  }

  async unreleased(session: SessionId): Promise<number[]> {
    const Key = unreleasedKey(session);
    const { Item } = await this.table.db.send(
      new GetItemCommand({ TableName: this.table.name, Key, ConsistentRead: true }),
    );
    return readPacketIds(Item?.packetIds);
  }

  async keepUnreleased(session: SessionId, packetIds: readonly number[]): Promise<void> {
    const Key = unreleasedKey(session);
    const Item = { ...Key, packetIds: packetIdAttribute(packetIds) };
    await this.table.write([packetIds.length > 0 ? { PutRequest: { Item } } : { DeleteRequest: { Key } }]);
  }
}

function unreleasedKey(session: SessionId): Item {
  return { session: text(session), slot: text(unreleased) };
}

function toHeldItem(session: SessionId, { packetId, id, holder, message }: HeldMessage): Item {
  return {
    ...slotKey(session, incoming, packetId),
    packetId: number(packetId),
    id: text(id),
    holder: text(holder),
    ...messageAttributes(message),
  };
}

function toHeldMessage(item: Item): HeldMessage {
  return {
    packetId: readNumber(item.packetId),
    id: readText(item.id),
    holder: readText(item.holder),
    message: readMessage(item),
  };
}
