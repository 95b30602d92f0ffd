import type { ConnackPacket, ConnackProperties } from '../../protocol/packets';
import { connackCode, Reason } from '../../protocol/reason-codes';

/** Flags and properties of a CONNACK. */
interface ConnackDetails {
  readonly sessionPresent?: boolean;
  readonly properties?: ConnackProperties | undefined;
}

/** Returns a CONNACK for every protocol version: MQTT 3.1 and 3.1.1 have return codes of their own. */
export function connack(
  reasonCode: number,
  { sessionPresent = false, properties }: ConnackDetails = {},
): ConnackPacket {
  const returnCode = reasonCode === Reason.success ? 0 : (connackCode(reasonCode) ?? 0);
  return { cmd: 'connack', sessionPresent, returnCode, reasonCode, ...(properties && { properties }) };
}
