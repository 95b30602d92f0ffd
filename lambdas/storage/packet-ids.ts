import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { bytes, readBytes } from './attributes';

/** Returns packet ids as a binary attribute, two bytes for each. */
export function packetIdAttribute(packetIds: Iterable<number>): AttributeValue {
  return bytes(Buffer.from([...packetIds].flatMap((packetId) => [packetId >> 8, packetId & 0xff])));
}

export function readPacketIds(value: AttributeValue | undefined): number[] {
  const stored = readBytes(value);
  return Array.from({ length: stored.length / 2 }, (_, index) => stored.readUInt16BE(2 * index));
}
