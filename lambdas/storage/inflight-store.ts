import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { Fence, SessionId } from '../broker/model/fence';
import { byPacketId, slotOf } from '../broker/model/queue-slots';
import type { HeldMessage, Qos2Record, QueueItem } from '../broker/model/queued-message';
import type { AckError, AckErrors, InflightStore } from '../broker/ports/inflight-store';
import type { Clock } from '../broker/ports/process';
import { together } from '../shared/parallel';
import { number, readNumber, text } from './attributes';
import { type Item, pages, unlessConditionFailed, writeOnce } from './dynamo';
import { HeldMessages } from './held-messages';
import { InflightTable } from './inflight-table';
import { Qos2Records } from './qos2-records';
import { toItem, toQueueItem } from './queue-items';
import { QueueReader } from './queue-reader';
import { QueueRemoval } from './queue-removal';
import { outgoing, slotKey } from './slot-keys';
import { versioned } from './versioned-dynamo';

const names = { '#number': 'number', '#state': 'state' };

export interface InflightStoreProps {
  readonly db: DynamoDb;
  /** A client that sends each call once. */
  readonly dbWithoutRetries: DynamoDb;
  readonly table: string;
  readonly now: Clock;
}

/** The inflight table: for each session its outbound queue, its incoming QoS 2 messages and its QoS 2 records. */
export class DynamoInflightStore implements InflightStore {
  private readonly table: InflightTable;
  private readonly dbWithoutRetries: DynamoDb;
  private readonly reader: QueueReader;
  private readonly removal: QueueRemoval;
  private readonly heldMessages: HeldMessages;
  private readonly records: Qos2Records;

  constructor({ db, dbWithoutRetries, table, now }: InflightStoreProps) {
    this.table = new InflightTable(versioned(db, { [table]: 'inflight' }), table);
    this.dbWithoutRetries = versioned(dbWithoutRetries, { [table]: 'inflight' });
    this.reader = new QueueReader(this.table);
    this.removal = new QueueRemoval(this.table);
    this.heldMessages = new HeldMessages(this.table);
    this.records = new Qos2Records(this.table, now);
  }

  /**
   * Writes batches once. A write whose response was lost may have taken effect, and its message may have been sent and
   * acknowledged since. So requests that may not be written are repeated with a condition that the item is absent.
   */
  async put(items: readonly QueueItem[]): Promise<void> {
    const requests = items.map((item) => ({ PutRequest: { Item: toItem(item) } }));
    const left = await writeOnce(this.dbWithoutRetries, this.table.name, requests);
    await together(left.map(({ PutRequest }) => this.putUnlessThere(PutRequest?.Item ?? {})));
  }

  async putInOrder(items: readonly QueueItem[]): Promise<void> {
    for (const item of items) await this.putUnlessThere(toItem(item));
  }

  private async putUnlessThere(item: Item): Promise<void> {
    const command = new PutItemCommand({
      TableName: this.table.name,
      Item: item,
      ConditionExpression: 'attribute_not_exists(slot) OR #number < :number',
      ExpressionAttributeNames: { '#number': 'number' },
      ExpressionAttributeValues: { ':number': item.number ?? number(0) },
    });
    await unlessConditionFailed(this.table.db.send(command));
  }

  async read(session: SessionId, packetId: number): Promise<QueueItem | undefined> {
    const Key = slotKey(session, outgoing, packetId);
    const { Item } = await this.table.db.send(
      new GetItemCommand({ TableName: this.table.name, Key, ConsistentRead: true }),
    );
    return Item && toQueueItem(Item);
  }

  async removeItems(items: readonly Pick<QueueItem, 'session' | 'slot'>[]): Promise<void> {
    await this.table.write(
      items.map(({ session, slot }) => ({ DeleteRequest: { Key: slotKey(session, outgoing, slot) } })),
    );
  }

  async readMany(session: SessionId, packetIds: readonly number[]): Promise<QueueItem[]> {
    return (await this.table.read(session, outgoing, packetIds)).map(toQueueItem);
  }

  /**
   * Updates one item in place, and reads it only if that fails. Many items are read and written in batches, which takes
   * far fewer calls.
   */
  async markReceived(session: SessionId, packetIds: readonly number[]): Promise<ReadonlyMap<number, AckError>> {
    const [only] = packetIds;
    if (packetIds.length === 1 && only !== undefined && (await this.markOneReceived(session, only))) return new Map();
    const items = await this.table.read(session, outgoing, packetIds.map(slotOf));
    const found = byPacketId(items.map(toQueueItem));
    const received = items.filter((item) => readNumber(item.granted) === 2);
    await this.table.write(
      received.map(({ payload: _dropped, ...item }) => ({
        PutRequest: { Item: { ...item, state: text('released') } },
      })),
    );
    const misfits = packetIds.filter((packetId) => found.get(packetId)?.qos !== 2);
    return new Map(misfits.map((packetId) => [packetId, found.has(packetId) ? 'mismatched' : 'unknown']));
  }

  /** False when the slot holds no QoS 2 message. */
  private async markOneReceived(session: SessionId, packetId: number): Promise<boolean> {
    const updated = await this.table.update(slotKey(session, outgoing, packetId), {
      UpdateExpression: 'SET #state = :released REMOVE payload',
      ConditionExpression: 'granted = :exactlyOnce',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':released': text('released'), ':exactlyOnce': number(2) },
    });
    return updated !== undefined;
  }

  async claim(item: QueueItem, fence: Fence, eventId: string): Promise<'claimed' | 'taken'> {
    const claimed = await this.table.update(slotKey(item.session, outgoing, item.slot), {
      UpdateExpression: 'SET sentOn = :fence, sentBy = :event, sentBefore = :seen',
      // The second half accepts this very claim, repeated because its response was lost.
      ConditionExpression:
        '#number = :number AND #state = :state AND (sentOn = :seen OR (sentOn = :fence AND sentBy = :event))',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: {
        ':fence': text(fence),
        ':event': text(eventId),
        ':number': number(item.number),
        ':state': text(item.state),
        ':seen': text(item.sentOn),
      },
    });
    return claimed ? 'claimed' : 'taken';
  }

  /**
   * A message that was sent on an earlier connection remains marked as sent, because its next PUBLISH is a duplicate
   * [v3 MQTT-3.3.1-1].
   */
  async markUnsent(item: Pick<QueueItem, 'session' | 'slot' | 'number'>, fence: Fence): Promise<void> {
    await this.table.update(slotKey(item.session, outgoing, item.slot), {
      UpdateExpression: 'SET sentOn = if_not_exists(sentBefore, :never)',
      ConditionExpression: '#number = :number AND sentOn = :fence',
      ExpressionAttributeNames: { '#number': 'number' },
      ExpressionAttributeValues: { ':never': text(''), ':number': number(item.number), ':fence': text(fence) },
    });
  }

  acknowledge(session: SessionId, packetIds: readonly number[]): Promise<AckErrors> {
    return this.removal.acknowledge(session, packetIds);
  }

  remove(session: SessionId, packetIds: readonly number[]): Promise<void> {
    return this.removal.remove(session, packetIds);
  }

  inOrder(session: SessionId, outSeq: number, pageSize?: number): AsyncGenerator<QueueItem[]> {
    return this.reader.inOrder(session, outSeq, pageSize);
  }

  unordered(session: SessionId): AsyncGenerator<QueueItem[]> {
    return this.reader.unordered(session);
  }

  oldest(session: SessionId, outSeq: number): Promise<number | undefined> {
    return this.reader.oldest(session, outSeq);
  }

  hold(session: SessionId, held: readonly HeldMessage[]): Promise<void> {
    return this.heldMessages.hold(session, held);
  }

  held(session: SessionId, packetIds: readonly number[]): Promise<HeldMessage[]> {
    return this.heldMessages.held(session, packetIds);
  }

  adopt(session: SessionId, held: HeldMessage, holder: Fence): Promise<'adopted' | 'changed'> {
    return this.heldMessages.adopt(session, held, holder);
  }

  removeHeld(session: SessionId, packetIds: readonly number[]): Promise<void> {
    return this.heldMessages.removeHeld(session, packetIds);
  }

  unreleased(session: SessionId): Promise<number[]> {
    return this.heldMessages.unreleased(session);
  }

  keepUnreleased(session: SessionId, packetIds: readonly number[]): Promise<void> {
    return this.heldMessages.keepUnreleased(session, packetIds);
  }

  qos2Records(keys: readonly { session: SessionId; id: string }[]): Promise<Qos2Record[]> {
    return this.records.read(keys);
  }

  putQos2Records(records: readonly Qos2Record[]): Promise<void> {
    return this.records.put(records);
  }

  async clear(session: SessionId): Promise<void> {
    const keys = pages(this.table.db, {
      TableName: this.table.name,
      KeyConditionExpression: '#session = :session',
      ProjectionExpression: '#session, slot',
      ExpressionAttributeNames: { '#session': 'session' },
      ExpressionAttributeValues: { ':session': text(session) },
    });
    for await (const page of keys) await this.table.write(page.map((Key) => ({ DeleteRequest: { Key } })));
  }
}
