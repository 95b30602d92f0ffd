import { ProtocolError, Reason } from './reason-codes';

/** A parsed text frame of a client. Only numbered frames may contain parts of packets. */
export interface Frame {
  /** Position in the byte stream, from 1; absent in frames without a number. */
  readonly number?: number;
  readonly bytes: Buffer;
}

/**
 * Parses `base64` or `N.base64`. Accepts only canonical base64, so that a damaged byte stream is detected.
 *
 * @throws ProtocolError 0x81 for any other text.
 */
export function parseFrame(text: string): Frame {
  const dot = text.indexOf('.');
  if (dot === -1) return { bytes: parseBase64(text) };
  return { number: parseNumber(text.slice(0, dot)), bytes: parseBase64(text.slice(dot + 1)) };
}

/** Returns the first byte in a client frame without parsing the frame; 0 if there is none. */
export function firstByte(text: string): number {
  const start = text.indexOf('.') + 1;
  return Buffer.from(text.slice(start, start + 4), 'base64')[0] ?? 0;
}

/** Formats whole packets as a text frame to a client. Frames to clients have no number. */
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
  // Node.js ignores invalid characters. Only canonical base64 with padding is equal after the round trip.
  if (bytes.toString('base64') === text) return bytes;
  throw new ProtocolError(Reason.malformedPacket, 'frame is not canonical base64 with padding');
}
