import type { ClientPacket, ServerPacket } from '../../protocol/packets';
import { quoteTopic } from '../../protocol/topic';
import type { Ports } from '../ports/ports';

type Fields = Record<string, string | number | boolean>;

/** The client of a packet. */
export interface Party {
  readonly connectionId: string;
  readonly clientId: string;
}

/** Topic filters of one packet that a line contains. */
const maxFilters = 10;

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
  log(`packet ${direction}`, { connectionId, clientId, type: packet.cmd, size, ...fieldsOf(packet) });
}

/** Returns the fields of a packet that decide its handling. They never contain a payload, a password or authentication data. */
function fieldsOf(packet: ClientPacket | ServerPacket): Fields {
  return { ...commonFields(packet), ...specificFields(packet) };
}

function commonFields(packet: ClientPacket | ServerPacket): Fields {
  return {
    ...('messageId' in packet && packet.messageId !== undefined && { packetId: packet.messageId }),
    ...('reasonCode' in packet && packet.reasonCode !== undefined && { reasonCode: packet.reasonCode }),
  };
}

function specificFields(packet: ClientPacket | ServerPacket): Fields {
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
      return { granted: packet.granted.slice(0, maxFilters).join(' ') };
    default:
      return {};
  }
}

function filters(all: readonly string[]): Fields {
  return { filters: all.slice(0, maxFilters).join(', '), count: all.length };
}
