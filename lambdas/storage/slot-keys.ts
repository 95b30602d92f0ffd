import type { SessionId } from '../broker/model/fence';
import { text } from './attributes';
import type { Item } from './dynamo';

/** Kind of a row, the first letter of its sort key. */
export type SlotKind = 'o' | 'i';

export const outgoing = 'o';
export const incoming = 'i';
export const qos2Record = 'x';
/** Sort key of the row with packet ids that were not released. */
export const unreleased = 'u';
/** Sorts after every packet id. */
export const afterAll = '~';

export function slotName(kind: SlotKind, packetId: number): string {
  return kind + String(packetId).padStart(5, '0');
}

export function slotNumber(name: string): number {
  return Number(name.slice(1));
}

export function slotKey(session: SessionId, kind: SlotKind, packetId: number): Item {
  return { session: text(session), slot: text(slotName(kind, packetId)) };
}
