import { type EncodedPacket, encodeWithin } from '../../protocol/encode-within';
import { maxOutgoingPacketSize } from '../../protocol/limits';
import type { ConnectionRecord } from '../model/connection';
import { logPacket } from '../observability/packet-log';
import type { Ports } from '../ports/ports';

/** What is to be known of a client to tell it something. */
export type Addressee = Pick<ConnectionRecord, 'version' | 'capabilities' | 'clientId'>;

/**
 * Ends a connection from outside its stream; in MQTT 5.0 its client is told why. Its end is dealt with in its stream. `client`
 * when it is known already, from the head of its session for one.
 */
export async function closeConnection(
  ports: Ports,
  connectionId: string,
  reason: number,
  client?: Addressee,
): Promise<void> {
  await close(ports, connectionId, client ?? (await ports.connectionStore.read(connectionId)), { reason });
  await ports.packets.disconnect(connectionId, client?.clientId);
}

/** Why the server ends a connection. */
export interface CloseReason {
  readonly reason: number;
  readonly text?: string;
}

/** Closes a connection, after a DISCONNECT where the client knows it [MQTT-4.13.1-1]. Whether that arrives makes no difference. */
export async function close(
  ports: Ports,
  connectionId: string,
  connection: Addressee | undefined,
  { reason: reasonCode, text }: CloseReason,
): Promise<void> {
  if (connection?.version === 5) {
    const properties = text === undefined ? {} : { reasonString: text };
    const fitted = encodeWithin(
      { cmd: 'disconnect', reasonCode, properties },
      5,
      maxOutgoingPacketSize(connection.capabilities),
    );
    if (fitted) await say(ports, connectionId, connection.clientId, fitted);
  }
  await ports.connections.close(connectionId);
}

async function say(
  ports: Ports,
  connectionId: string,
  clientId: string,
  { packet, bytes }: EncodedPacket,
): Promise<void> {
  logPacket(ports, 'packet out', { connectionId, clientId }, packet, bytes.length);
  await ports.connections.post(connectionId, bytes);
}
