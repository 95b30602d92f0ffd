import type { ConnackPacket, ConnackProperties } from '../../protocol/packets';
import { connackCode, Reason } from '../../protocol/reason-codes';

/** CONNACK for any version: MQTT 3.1 and 3.1.1 have return codes of their own. */
export function connack(reasonCode: number, sessionPresent: boolean, properties?: ConnackProperties): ConnackPacket {
  const returnCode = reasonCode === Reason.success ? 0 : (connackCode(reasonCode) ?? 0);
  return { cmd: 'connack', sessionPresent, returnCode, reasonCode, ...(properties && { properties }) };
}
