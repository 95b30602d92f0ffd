/** Minimum payload size in bytes: the send time and the message number. */
export const minPayloadBytes = 12;

/** Creates a payload with the send time, on the monotonic clock of this process, and the number of the message. */
export function createStampedPayload(bytes: number, number: number): Buffer {
  const payload = Buffer.alloc(bytes, 'x');
  payload.writeDoubleBE(performance.now(), 0);
  payload.writeUInt32BE(number, 8);
  return payload;
}

/** Reads the send time and the number of a message. */
export function readStamp(payload: Buffer): { readonly sentAt: number; readonly number: number } {
  return { sentAt: payload.readDoubleBE(0), number: payload.readUInt32BE(8) };
}
