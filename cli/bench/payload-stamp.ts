/** Bytes that a payload has at least: when it was sent, and its number. */
export const stampBytes = 12;

/** A payload that tells when it was sent; only this process can read the time. */
export function stamped(bytes: number, number: number): Buffer {
  const payload = Buffer.alloc(bytes, 'x');
  payload.writeDoubleBE(performance.now(), 0);
  payload.writeUInt32BE(number, 8);
  return payload;
}

export function readStamp(payload: Buffer): { readonly sentAt: number; readonly number: number } {
  return { sentAt: payload.readDoubleBE(0), number: payload.readUInt32BE(8) };
}
