import type { ClientPacket, ServerPacket } from '../../protocol/packets';
import { quoteTopic } from '../../protocol/topic';
import type { Ports } from '../ports/ports';

type Fields = Record<string, string | number | boolean>;

/** Whose packet it is. */
export interface Party {
  readonly connectionId: string;
  readonly clientId: string;
}

/** Filters of one SUBSCRIBE that a line names. */
const filtersNamed = 10;

/** A packet on its way from a client or to it. */
export interface LoggedPacket {
  readonly direction: 'in' | 'out';
  readonly packet: ClientPacket | ServerPacket;
  /** Bytes of the whole packet. */
  readonly size: number;
}

/** Logs a packet if its client is a debug client. */
export function logPacket(
  { debugClients, log }: Pick<Ports, 'debugClients' | 'log'>,
  { connectionId, clientId }: Party,
  { direction, packet, size }: LoggedPacket,
): void {
  if (!debugClients.has(clientId)) return;
  log(`packet ${direction}`, { connectionId, clientId, type: packet.cmd, size, ...described(packet) });
}

/** What tells how a packet is dealt with. Never a payload, a password or what a client proves itself with. */
function described(packet: ClientPacket | ServerPacket): Fields {
  return { ...identified(packet), ...detailed(packet) };
}

function identified(packet: ClientPacket | ServerPacket): Fields {
  return {
    ...('messageId' in packet && packet.messageId !== undefined && { packetId: packet.messageId }),
    ...('reasonCode' in packet && packet.reasonCode !== undefined && { reasonCode: packet.reasonCode }),
  };
}

function detailed(packet: ClientPacket | ServerPacket): Fields {
  switch (packet.cmd) {
    case 'connect': {
      const { protocolVersion: version, clean, keepalive, will } = packet;
      return { version, clean, keepalive, will: will !== undefined };
    }
    case 'connack':
      return { sessionPresent: packet.sessionPresent, returnCode: packet.returnCode ?? 0 };
    case 'publish': {
      const { qos, dup, retain, topic, payload } = packet;
      return { qos, dup, retain, topic: quoteTopic(topic), payload: payload.length };
    }
    case 'subscribe':
      return filters(packet.subscriptions.map(({ topic, qos }) => `${quoteTopic(topic)} at ${qos}`));
    case 'unsubscribe':
      return filters(packet.unsubscriptions.map(quoteTopic));
    case 'suback':
    case 'unsuback':
      return { granted: packet.granted.slice(0, filtersNamed).join(' ') };
    default:
      return {};
  }
}

function filters(all: readonly string[]): Fields {
  return { filters: all.slice(0, filtersNamed).join(', '), count: all.length };
}
