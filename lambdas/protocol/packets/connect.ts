import type { ConnectRequest, Effect, Message } from '../effects';
import type { ConnectPacket, Will } from '../packets';
import { ProtocolError, Reason } from '../reason-codes';
import { isReservedTopic } from '../topic';

/** CONNECT, section 3.1. Whether the client may come in at all (its password) is decided before, by the shell. */
export function handleConnect(packet: ConnectPacket, generateClientId: () => string): Effect[] {
  const will = packet.will && willMessage(packet.will);
  const request: ConnectRequest = {
    clientId: packet.clientId === '' ? assignClientId(packet, generateClientId) : packet.clientId,
    version: packet.protocolVersion,
    clean: packet.clean,
    keepAlive: packet.keepalive,
    ...(will && { will }),
    ...(packet.username !== undefined && { username: packet.username }),
  };
  return [{ do: 'open', request }];
}

/** Longer ids than the 23 characters of MQTT 3.1 are welcome in every version; only an empty one needs a rule. */
function assignClientId(packet: ConnectPacket, generateClientId: () => string): string {
  if (packet.protocolVersion === 3) {
    throw new ProtocolError(Reason.clientIdentifierNotValid, 'empty client id in mqtt 3.1'); // v3.1 3.1: 1 to 23 characters
  }
  if (!packet.clean) {
    throw new ProtocolError(Reason.clientIdentifierNotValid, 'empty client id without clean session'); // [v3 MQTT-3.1.3-8]
  }
  return generateClientId(); // [v3 MQTT-3.1.3-6] [v3 MQTT-3.1.3-7]
}

function willMessage({ topic, payload, qos, retain }: Will): Message | undefined {
  if (isReservedTopic(topic)) return undefined; // as in PUBLISH, and as Mosquitto does
  return { topic, payload, qos, retain };
}
