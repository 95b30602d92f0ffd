import { ProtocolError, Reason } from './reason-codes';

/** One client text frame, taken apart. Only numbered frames may be slices of a larger packet. */
export interface Frame {
  readonly number?: number;
  readonly bytes: Buffer;
}

/** Reads `base64` or `N.base64`. Strict, because a sloppy reader would pass a damaged stream on in silence. */
export function parseFrame(text: string): Frame {
  const dot = text.indexOf('.');
  if (dot === -1) return { bytes: parseBase64(text) };
  return { number: parseNumber(text.slice(0, dot)), bytes: parseBase64(text.slice(dot + 1)) };
}

/** The first byte a client frame carries, for a guess before the frame is read; 0 when there is none. */
export function firstByte(text: string): number {
  const start = text.indexOf('.') + 1;
  return Buffer.from(text.slice(start, start + 4), 'base64')[0] ?? 0;
}

/** The text frame for whole packets to a client; these are never numbered. */
export function formatFrame(bytes: Buffer): string {
  return bytes.toString('base64');
}

function parseNumber(digits: string): number {
  const number = Number(digits);
  if (/^[1-9]\d*$/.test(digits) && Number.isSafeInteger(number)) return number;
  throw new ProtocolError(Reason.malformedPacket, 'frame number is not a whole number from 1 without leading zeros');
}

function parseBase64(text: string): Buffer {
  if (text === '') throw new ProtocolError(Reason.malformedPacket, 'frame is empty');
  const bytes = Buffer.from(text, 'base64');
  // Node skips what it cannot read. Only canonical, padded base64 without foreign characters survives the round trip.
  if (bytes.toString('base64') === text) return bytes;
  throw new ProtocolError(Reason.malformedPacket, 'frame is not canonical base64 with padding');
}
