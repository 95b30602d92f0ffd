import { protocolError } from './errors';
import type { PacketReader } from './packet-reader';

/**
 * Reads a reason code.
 *
 * @throws ProtocolError 0x82 if it is not in `allowed`.
 */
export function readReason(cmd: string, reader: PacketReader, allowed: ReadonlySet<number>): number {
  const reasonCode = reader.byte('reason code');
  if (allowed.has(reasonCode)) return reasonCode;
  throw protocolError(`reason code 0x${reasonCode.toString(16)} in ${cmd}`);
}
