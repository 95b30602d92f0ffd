import { protocolError } from './errors';
import type { PacketReader } from './packet-reader';

/** Reads a reason code, which must be one of those a client may use in this packet. */
export function readReason(cmd: string, reader: PacketReader, allowed: ReadonlySet<number>): number {
  const reasonCode = reader.byte('reason code');
  if (allowed.has(reasonCode)) return reasonCode;
  throw protocolError(`reason code 0x${reasonCode.toString(16)} in ${cmd}`);
}
