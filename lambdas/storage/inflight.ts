import {
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import type { Fence, SessionId } from '../broker/model/fence';
import { bundleSize, byPacketId, isBundled, slotOf } from '../broker/model/queue-slots';
import type { HeldMessage, Qos2Record, QueueItem } from '../broker/model/queued-message';
import type { AckError, AckErrors, InflightStore } from '../broker/ports/inflight-store';
import type { Clock } from '../broker/ports/process';
import { inParallel, together } from '../shared/parallel';
import { flag, messageAttributes, number, readFlag, readMessage, readNumber, readText, text } from './attributes';
import { conditionFailed, deleteWhere, type Item, pages, readAll, writeAll, writeOnce } from './dynamo';
import { keyOf, maximumSortKey } from './keys';
import { packetIdAttribute, readPacketIds } from './packet-ids';
import { toItem, toQueueItem } from './queue-items';
import { aloneRanges, bundleRanges, everySlot, inOrder, type Range } from './queue-order';
import { incoming, outgoing, routed, slotKey, slotNumber, unreleased } from './slots';
import { versioned } from './versioned-dynamo';

/** How long it is remembered that a QoS 2 message was routed: longer than any queue keeps an event. */
const onceSeconds = 14 * 24 * 3600;

/** Bundles whose parts are marked at the same time. */
const parallelParts = 50;

/** So many slots are emptied without being read: an honest client seldom acknowledges more at once. */
const unreadSlots = 16;

const names = { '#number': 'number', '#state': 'state' };

/** The inflight table: per session its outgoing ring, its incoming QoS 2 messages and what was routed to it. */
export class DynamoInflightStore implements InflightStore {
  private readonly db: DynamoDb;
  private readonly single: DynamoDb;

  /** `single`: a client that never repeats a call by itself. */
  constructor(
    db: DynamoDb,
    single: DynamoDb,
    private readonly table: string,
    private readonly now: Clock,
  ) {
    this.db = versioned(db, { [table]: 'inflight' });
    this.single = versioned(single, { [table]: 'inflight' });
  }

  /**
   * Written in batches, once. A write whose answer was lost may have taken effect, and its message may have been sent and
   * acknowledged since; so what is not known to be written is written again only where it is not there.
   */
  async put(items: readonly QueueItem[]): Promise<void> {
    const requests = items.map((item) => ({ PutRequest: { Item: toItem(item) } }));
    const left = await writeOnce(this.single, this.table, requests);
    await together(left.map(({ PutRequest }) => this.putUnlessThere(PutRequest?.Item ?? {})));
  }

  async putInOrder(items: readonly QueueItem[]): Promise<void> {
    for (const item of items) await this.putUnlessThere(toItem(item));
  }

  private async putUnlessThere(item: Item): Promise<void> {
    const command = new PutItemCommand({
      TableName: this.table,
      Item: item,
      ConditionExpression: 'attribute_not_exists(slot) OR #number < :number',
      ExpressionAttributeNames: { '#number': 'number' },
      ExpressionAttributeValues: { ':number': item.number ?? number(0) },
    });
    await this.db.send(command).catch((error: unknown) => {
      if (!conditionFailed(error)) throw error;
    });
  }

  async read(session: SessionId, packetId: number): Promise<QueueItem | undefined> {
    const Key = slotKey(session, outgoing, packetId);
    const { Item } = await this.db.send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }));
    return Item && toQueueItem(Item);
  }

  /** A bundle holds only QoS 1 messages. Conditions instead of reads: an honest PUBACK costs one write. */
  async acknowledge(session: SessionId, packetIds: readonly number[]): Promise<AckErrors> {
    const distinct = [...new Set(packetIds)];
    const [alone, bundled] = await together([
      this.settleAlone(
        session,
        distinct.filter((packetId) => !isBundled(packetId)),
      ),
      this.removeBundled(session, distinct.filter(isBundled)),
    ]);
    return { mismatched: alone.mismatched, unknown: alone.unknown + bundled };
  }

  /** Of many messages those that are there are read first, because a deletion that finds nothing costs as much as one that does. */
  private async settleAlone(session: SessionId, packetIds: readonly number[]): Promise<AckErrors> {
    if (packetIds.length <= unreadSlots) return this.settleUnread(session, packetIds);
    const keys = packetIds.map((packetId) => slotKey(session, outgoing, packetId));
    const found = await readAll(this.db, this.table, keys, 'slot, granted');
    const idsOf = (isMine: boolean) =>
      found
        .filter(({ granted }) => (readNumber(granted) === 1) === isMine)
        .map(({ slot }) => slotNumber(readText(slot)));
    const late = await this.settleUnread(session, idsOf(true));
    return {
      mismatched: [...idsOf(false), ...late.mismatched],
      unknown: packetIds.length - found.length + late.unknown,
    };
  }

  private async settleUnread(session: SessionId, packetIds: readonly number[]): Promise<AckErrors> {
    const deletions = packetIds.map((packetId) => ({
      TableName: this.table,
      Key: slotKey(session, outgoing, packetId),
      ConditionExpression: 'granted = :atLeastOnce',
      ExpressionAttributeValues: { ':atLeastOnce': number(1) },
    }));
    const isDeleted = await deleteWhere(this.db, deletions);
    const left = packetIds.filter((_, index) => !isDeleted[index]);
    if (left.length === 0) return { mismatched: [], unknown: 0 };
    const mismatched = (await this.readSlots(session, outgoing, left)).map((item) => slotNumber(readText(item.slot)));
    return { mismatched, unknown: left.length - mismatched.length };
  }

  async remove(session: SessionId, packetIds: readonly number[]): Promise<void> {
    const alone = packetIds.filter((packetId) => !isBundled(packetId));
    await together([
      alone.length > 0 ? this.delete(session, outgoing, alone) : undefined,
      this.removeBundled(session, packetIds.filter(isBundled)),
    ]);
  }

  /**
   * A bundle that is acknowledged as a whole needs no reading, and parts of one are marked in place. Of many bundles those that are
   * there are read first, because a deletion that finds nothing costs as much as one that does. Returns how many messages were not
   * there, as far as it has to be known.
   */
  private async removeBundled(session: SessionId, packetIds: readonly number[]): Promise<number> {
    const slots = new Map<number, Set<number>>();
    for (const packetId of packetIds) {
      const slot = slotOf(packetId);
      slots.set(slot, (slots.get(slot) ?? new Set()).add(packetId));
    }
    const parts = [...slots].filter(([, gone]) => gone.size < bundleSize);
    const whole = [...slots.keys()].filter((slot) => slots.get(slot)?.size === bundleSize);
    const [missing, removed] = await together([
      this.removeWhole(session, whole),
      inParallel(parts, parallelParts, ([slot, gone]) => this.removePart(session, slot, [...gone])),
    ]);
    const unknownParts = parts.filter((_, index) => !removed[index]).map(([, gone]) => gone.size);
    return unknownParts.reduce((sum, size) => sum + size, missing * bundleSize);
  }

  /** Returns how many were not there. */
  private async removeWhole(session: SessionId, slots: readonly number[]): Promise<number> {
    if (slots.length <= unreadSlots) {
      if (slots.length > 0) await this.delete(session, outgoing, slots);
      return 0;
    }
    const found = await this.readSlots(session, outgoing, slots);
    await this.write(
      found.map(({ slot = text('') }) => ({ DeleteRequest: { Key: { session: text(session), slot } } })),
    );
    return slots.length - found.length;
  }

  async removeItems(items: readonly Pick<QueueItem, 'session' | 'slot'>[]): Promise<void> {
    await this.write(items.map(({ session, slot }) => ({ DeleteRequest: { Key: slotKey(session, outgoing, slot) } })));
  }

  /** False when there is no such bundle. */
  private async removePart(session: SessionId, slot: number, packetIds: readonly number[]): Promise<boolean> {
    const updated = await this.update(slotKey(session, outgoing, slot), {
      UpdateExpression: 'ADD gone :gone',
      ConditionExpression: 'attribute_exists(bundle)',
      ExpressionAttributeValues: { ':gone': { NS: packetIds.map(String) } },
      ReturnValues: 'UPDATED_NEW',
    });
    if (updated?.gone?.NS?.length === bundleSize) await this.delete(session, outgoing, [slot]);
    return updated !== undefined;
  }

  async readMany(session: SessionId, packetIds: readonly number[]): Promise<QueueItem[]> {
    return (await this.readSlots(session, outgoing, packetIds)).map(toQueueItem);
  }

  /** One is updated in place, and read only if that fails. Many are read and written in batches, which is far fewer calls. */
  async markReceived(session: SessionId, packetIds: readonly number[]): Promise<ReadonlyMap<number, AckError>> {
    const [only] = packetIds;
    if (packetIds.length === 1 && only !== undefined && (await this.markOneReceived(session, only))) return new Map();
    const items = await this.readSlots(session, outgoing, packetIds.map(slotOf));
    const found = byPacketId(items.map(toQueueItem));
    const received = items.filter((item) => readNumber(item.granted) === 2);
    await this.write(
      received.map(({ payload: _dropped, ...item }) => ({
        PutRequest: { Item: { ...item, state: text('released') } },
      })),
    );
    const misfits = packetIds.filter((packetId) => found.get(packetId)?.qos !== 2);
    return new Map(misfits.map((packetId) => [packetId, found.has(packetId) ? 'mismatched' : 'unknown']));
  }

  /** False when the slot holds no QoS 2 message. */
  private async markOneReceived(session: SessionId, packetId: number): Promise<boolean> {
    const updated = await this.update(slotKey(session, outgoing, packetId), {
      UpdateExpression: 'SET #state = :released REMOVE payload',
      ConditionExpression: 'granted = :exactlyOnce',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':released': text('released'), ':exactlyOnce': number(2) },
    });
    return updated !== undefined;
  }

  async claim(item: QueueItem, fence: Fence, eventId: string): Promise<'claimed' | 'taken'> {
    const claimed = await this.update(slotKey(item.session, outgoing, item.slot), {
      UpdateExpression: 'SET sentOn = :fence, sentBy = :event, sentBefore = :seen',
      // The second half: this very claim, repeated because its answer was lost.
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

  /** What was sent on an earlier connection stays so, for it is a duplicate when it is sent again [v3 MQTT-3.3.1-1]. */
  async markUnsent(item: Pick<QueueItem, 'session' | 'slot' | 'number'>, fence: Fence): Promise<void> {
    await this.update(slotKey(item.session, outgoing, item.slot), {
      UpdateExpression: 'SET sentOn = if_not_exists(sentBefore, :never)',
      ConditionExpression: '#number = :number AND sentOn = :fence',
      ExpressionAttributeNames: { '#number': 'number' },
      ExpressionAttributeValues: { ':never': text(''), ':number': number(item.number), ':fence': text(fence) },
    });
  }

  /**
   * In the order of numbers. A short ring is read at once and sorted; a long one is read from its oldest slot, messages alone
   * and bundles side by side. What was reserved after `outSeq` was read lies in the place of something old, so it is left
   * for the next look.
   */
  async *inOrder(session: SessionId, outSeq: number, few?: number): AsyncGenerator<QueueItem[]> {
    if (few === undefined) yield* this.wholeRing(session, outSeq);
    else yield* this.orderedRing(session, outSeq, few);
  }

  private async *wholeRing(session: SessionId, outSeq: number): AsyncGenerator<QueueItem[]> {
    const whole = new QueryCommand({ ...this.range(session, everySlot), ConsistentRead: true });
    const { Items = [], LastEvaluatedKey } = await this.db.send(whole);
    if (!LastEvaluatedKey) {
      yield upTo(outSeq, Items).sort((one, other) => one.number - other.number);
      return;
    }
    yield* this.orderedRing(session, outSeq);
  }

  private orderedRing(session: SessionId, outSeq: number, few?: number): AsyncGenerator<QueueItem[]> {
    const [alone, bundled] = [aloneRanges(outSeq), bundleRanges(outSeq)];
    return inOrder(this.walk(session, alone, outSeq, few), this.walk(session, bundled, outSeq, few));
  }

  async *unordered(session: SessionId): AsyncGenerator<QueueItem[]> {
    for await (const page of pages(this.db, this.range(session, everySlot))) yield page.map(toQueueItem);
  }

  private async *walk(
    session: SessionId,
    ranges: readonly Range[],
    outSeq: number,
    Limit?: number,
  ): AsyncGenerator<QueueItem[]> {
    for (const range of ranges) {
      const query = { ...this.range(session, range), ...(Limit === undefined ? {} : { Limit }) };
      for await (const page of pages(this.db, query)) yield upTo(outSeq, page);
    }
  }

  async oldest(session: SessionId, outSeq: number): Promise<number | undefined> {
    const found = await together(
      [aloneRanges(outSeq), bundleRanges(outSeq)].map((ranges) => this.oldestIn(session, ranges, outSeq)),
    );
    const numbers = found.filter((number) => number !== undefined);
    return numbers.length > 0 ? Math.min(...numbers) : undefined;
  }

  private async oldestIn(session: SessionId, ranges: readonly Range[], outSeq: number): Promise<number | undefined> {
    for (const range of ranges) {
      for await (const [first] of pages(this.db, { ...this.range(session, range), Limit: 1 })) {
        if (first && readNumber(first.number) <= outSeq) return readNumber(first.number);
      }
    }
    return undefined;
  }

  private range(session: SessionId, [from, to]: Range) {
    return {
      TableName: this.table,
      KeyConditionExpression: '#session = :session AND slot BETWEEN :from AND :to',
      ExpressionAttributeNames: { '#session': 'session' },
      ExpressionAttributeValues: { ':session': text(session), ':from': text(from), ':to': text(to) },
    };
  }

  async hold(session: SessionId, held: readonly HeldMessage[]): Promise<void> {
    const last = new Map(held.map((entry) => [entry.packetId, entry]));
    await this.write([...last.values()].map((entry) => ({ PutRequest: { Item: toHeldItem(session, entry) } })));
  }

  async held(session: SessionId, packetIds: readonly number[]): Promise<HeldMessage[]> {
    return (await this.readSlots(session, incoming, packetIds)).map(toHeldMessage);
  }

  async adopt(session: SessionId, held: HeldMessage, holder: Fence): Promise<'adopted' | 'changed'> {
    const adopted = await this.update(slotKey(session, incoming, held.packetId), {
      UpdateExpression: 'SET holder = :to',
      ConditionExpression: 'id = :id AND (holder = :from OR holder = :to)', // perhaps repeated because its answer was lost
      ExpressionAttributeValues: {
        ':to': text(holder),
        ':from': text(held.holder),
        ':id': text(held.id),
      },
    });
    return adopted ? 'adopted' : 'changed';
  }

  async removeHeld(session: SessionId, packetIds: readonly number[]): Promise<void> {
    await this.delete(session, incoming, packetIds);
  }

  async unreleased(session: SessionId): Promise<number[]> {
    const Key = unreleasedKey(session);
    const { Item } = await this.db.send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }));
    return readPacketIds(Item?.packetIds);
  }

  async keepUnreleased(session: SessionId, packetIds: readonly number[]): Promise<void> {
    const Key = unreleasedKey(session);
    const Item = { ...Key, packetIds: packetIdAttribute(packetIds) };
    await this.write([packetIds.length > 0 ? { PutRequest: { Item } } : { DeleteRequest: { Key } }]);
  }

  async qos2Records(keys: readonly { session: SessionId; id: string }[]): Promise<Qos2Record[]> {
    const distinct = new Map(keys.map(({ session, id }) => [`${session} ${id}`, onceKey(session, id)]));
    const items = await readAll(this.db, this.table, [...distinct.values()]);
    return items.map((item) => ({
      session: readText(item.session),
      id: readText(item.id),
      number: readNumber(item.number),
      done: readFlag(item.done),
      ...(item.member ? { member: readText(item.member) } : {}),
      ...(item.routedAt ? { routedAt: readNumber(item.routedAt) } : {}),
    }));
  }

  async putQos2Records(records: readonly Qos2Record[]): Promise<void> {
    const expiresAt = number(Math.ceil(this.now() / 1000) + onceSeconds);
    await this.write(
      records.map((record) => ({
        PutRequest: {
          Item: {
            ...onceKey(record.session, record.id),
            id: text(record.id),
            number: number(record.number),
            done: flag(record.done),
            ...(record.member === undefined ? {} : { member: text(record.member) }),
            ...(record.routedAt === undefined ? {} : { routedAt: number(record.routedAt) }),
            expiresAt,
          },
        },
      })),
    );
  }

  async clear(session: SessionId): Promise<void> {
    const keys = pages(this.db, {
      TableName: this.table,
      KeyConditionExpression: '#session = :session',
      ProjectionExpression: '#session, slot',
      ExpressionAttributeNames: { '#session': 'session' },
      ExpressionAttributeValues: { ':session': text(session) },
    });
    for await (const page of keys) await this.write(page.map((Key) => ({ DeleteRequest: { Key } })));
  }

  private async delete(session: SessionId, kind: string, packetIds: readonly number[]): Promise<void> {
    await this.write(
      [...new Set(packetIds)].map((packetId) => ({ DeleteRequest: { Key: slotKey(session, kind, packetId) } })),
    );
  }

  private readSlots(session: SessionId, kind: string, packetIds: readonly number[]): Promise<Item[]> {
    const keys = [...new Set(packetIds)].map((packetId) => slotKey(session, kind, packetId));
    return readAll(this.db, this.table, keys);
  }

  private write(requests: Parameters<typeof writeAll>[2]): Promise<void> {
    return writeAll(this.db, this.table, requests);
  }

  /** The updated item when `ReturnValues` asks for it, an empty one otherwise; undefined when the condition failed. */
  private async update(
    Key: Item,
    expression: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>,
  ): Promise<Item | undefined> {
    try {
      const command = new UpdateItemCommand({ TableName: this.table, Key, ...expression });
      return (await this.db.send(command)).Attributes ?? {};
    } catch (error) {
      if (conditionFailed(error)) return undefined;
      throw error;
    }
  }
}

function onceKey(session: SessionId, id: string): Item {
  return { session: text(session), slot: text(keyOf(id, maximumSortKey, routed)) };
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

function upTo(outSeq: number, page: readonly Item[]): QueueItem[] {
  return page.map(toQueueItem).filter((item) => item.number <= outSeq);
}
