import type { FrameEvent } from '../model/connection-event';

/**
 * Bytes that may be written for each byte that the client sends, and for each second. Each turn writes everything that is stored of an
 * incomplete packet, and all frames that wait for an earlier one: 1.5 times what a client sends in slices of 24 KB, 23 times in
 * slices of 2 KB.
 */
const perByte = 8;
const perSecond = 65_536;

/** Largest debt in bytes: the largest packet in slices of 2 KB, twice. */
export const maxDebt = 4_194_304;

/** Returns what remains of a debt after some time. */
export function debtLeft(debt: number, milliseconds: number): number {
  return Math.max(0, Math.round(debt - (Math.max(0, milliseconds) / 1000) * perSecond));
}

/** The debt of a connection, in bytes. */
interface Debt {
  readonly debt: number;
  /** Time of the debt, milliseconds since 1970. */
  readonly lastSeen: number;
}

/** Incomplete packets and waiting frames that a turn stores, and the frames of the turn. */
export interface Leftover {
  readonly tail: Buffer;
  readonly early: readonly { readonly bytes: Buffer }[];
  readonly frames: readonly Pick<FrameEvent, 'text' | 'receivedAt'>[];
}

/** Returns the debt of a connection after a turn that stores these leftovers. */
export function debtAfter({ debt, lastSeen }: Debt, { tail, early, frames }: Leftover): number {
  const written = early.reduce((sum, { bytes }) => sum + bytes.length, tail.length);
  if (written === 0 && debt === 0) return 0;
  const received = frames.reduce((sum, { text }) => sum + (text.length * 3) / 4, 0); // base64
  const seconds = (Math.max(lastSeen, ...frames.map(({ receivedAt }) => receivedAt)) - lastSeen) / 1000;
  return debtLeft(debt + written - received * perByte, seconds * 1000);
}
