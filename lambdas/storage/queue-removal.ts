import type { SessionId } from '../broker/model/fence';
import { bundleSize, isBundled, slotOf } from '../broker/model/queue-slots';
import type { AckErrors } from '../broker/ports/inflight-store';
import { inParallel, together } from '../shared/parallel';
import { number, readNumber, readText, text } from './attributes';
import { deleteWhere, type Item, readProjected } from './dynamo';
import type { InflightTable } from './inflight-table';
import { outgoing, slotKey, slotNumber } from './slot-keys';

/** Bundles updated at the same time. */
const parallelParts = 50;

/** Up to this number of slots is deleted without a read. An honest client rarely acknowledges more at once. */
const maxUnreadDeletions = 16;

/** Removes messages from the outbound queue of a session. */
export class QueueRemoval {
  constructor(private readonly table: InflightTable) {}

  /** A bundle holds only QoS 1 messages. Conditions replace reads: an honest PUBACK costs one write. */
  async acknowledge(session: SessionId, packetIds: readonly number[]): Promise<AckErrors> {
    const distinct = [...new Set(packetIds)];
    const [singles, missingBundled] = await together([
      this.acknowledgeSingles(
        session,
        distinct.filter((packetId) => !isBundled(packetId)),
      ),
      this.removeBundled(session, distinct.filter(isBundled)),
    ]);
    return { mismatched: singles.mismatched, unknown: singles.unknown + missingBundled };
  }

  /** Reads many messages before it deletes them, because a deletion that finds nothing costs as much as another one. */
  private async acknowledgeSingles(session: SessionId, packetIds: readonly number[]): Promise<AckErrors> {
    if (packetIds.length <= maxUnreadDeletions) return this.deleteAcknowledged(session, packetIds);
    const keys = packetIds.map((packetId) => slotKey(session, outgoing, packetId));
    const found = await readProjected(this.table.db, { table: this.table.name, keys, projection: 'slot, granted' });
    const idOf = ({ slot }: Item) => slotNumber(readText(slot));
    const isQos1 = ({ granted }: Item) => readNumber(granted) === 1;
    const deleted = await this.deleteAcknowledged(session, found.filter(isQos1).map(idOf));
    const mismatched = found.filter((item) => !isQos1(item)).map(idOf);
    return {
      mismatched: [...mismatched, ...deleted.mismatched],
      unknown: packetIds.length - found.length + deleted.unknown,
    };
  }

  private async deleteAcknowledged(session: SessionId, packetIds: readonly number[]): Promise<AckErrors> {
    const deletions = packetIds.map((packetId) => ({
      TableName: this.table.name,
      Key: slotKey(session, outgoing, packetId),
      ConditionExpression: 'granted = :atLeastOnce',
      ExpressionAttributeValues: { ':atLeastOnce': number(1) },
    }));
    const isDeleted = await deleteWhere(this.table.db, deletions);
    const left = packetIds.filter((_, index) => !isDeleted[index]);
    if (left.length === 0) return { mismatched: [], unknown: 0 };
    const mismatched = (await this.table.read(session, outgoing, left)).map((item) => slotNumber(readText(item.slot)));
    return { mismatched, unknown: left.length - mismatched.length };
  }

  async remove(session: SessionId, packetIds: readonly number[]): Promise<void> {
    const singles = packetIds.filter((packetId) => !isBundled(packetId));
    await together([
      singles.length > 0 ? this.table.delete(session, outgoing, singles) : undefined,
      this.removeBundled(session, packetIds.filter(isBundled)),
    ]);
  }

  /**
   * Deletes completely acknowledged bundles without a read, and marks the parts of others in place. Of many bundles it
   * reads the existing ones first, because a deletion that finds nothing costs as much as another one. Returns the
   * number of missing messages, as far as it is known.
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

  /** Returns the number of missing bundles. */
  private async removeWhole(session: SessionId, slots: readonly number[]): Promise<number> {
    if (slots.length <= maxUnreadDeletions) {
      if (slots.length > 0) await this.table.delete(session, outgoing, slots);
      return 0;
    }
    const found = await this.table.read(session, outgoing, slots);
    await this.table.write(
      found.map(({ slot = text('') }) => ({ DeleteRequest: { Key: { session: text(session), slot } } })),
    );
    return slots.length - found.length;
  }

  /** False when the bundle does not exist. */
  private async removePart(session: SessionId, slot: number, packetIds: readonly number[]): Promise<boolean> {
    const updated = await this.table.update(slotKey(session, outgoing, slot), {
      UpdateExpression: 'ADD gone :gone',
      ConditionExpression: 'attribute_exists(bundle)',
      ExpressionAttributeValues: { ':gone': { NS: packetIds.map(String) } },
      ReturnValues: 'UPDATED_NEW',
    });
    if (updated?.gone?.NS?.length === bundleSize) await this.table.delete(session, outgoing, [slot]);
    return updated !== undefined;
  }
}
