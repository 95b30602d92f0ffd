import { type EncodedPacket, encodeWithin } from '../../protocol/encode-within';
import { maxOutgoingPacketSize } from '../../protocol/limits';
import type { ConnectionRecord } from '../model/connection';
import { logPacket, type Party } from '../observability/packet-log';
import type { Ports } from '../ports/ports';

/** The fields of a connection that a DISCONNECT to its client depends on. */
export type Addressee = Pick<ConnectionRecord, 'version' | 'capabilities' | 'clientId'>;

/** Reason for which the server closes a connection. */
export interface CloseReason {
  /** Reason code of the DISCONNECT. */
  readonly reason: number;
  /** Reason String of the DISCONNECT. */
  readonly text?: string;
}

/** The client of a connection that is closed. */
export interface ClosedClient {
  /** Absent where the caller does not know the client. */
  readonly client?: Addressee;
}

/**
 * Closes a connection from outside its stream and puts `disconnect` into the stream, which ends the connection there. A client of
 * MQTT 5.0 gets a DISCONNECT with the reason. Reads the client from the connection store where `client` is absent.
 */
export async function closeConnection(
  ports: Ports,
  connectionId: string,
  { client, ...reason }: CloseReason & ClosedClient,
): Promise<void> {
  const known = client ?? (await ports.connectionStore.read(connectionId));
  await disconnectAndClose(ports, connectionId, { ...reason, ...(known && { client: known }) });
  await ports.packets.disconnect(connectionId, client?.clientId);
}

/**
 * Closes a connection, after a DISCONNECT where the client speaks MQTT 5.0 [MQTT-4.13.1-1]. The result of that post makes no
 * difference.
 */
export async function disconnectAndClose(
  ports: Ports,
  connectionId: string,
  { client, reason: reasonCode, text }: CloseReason & ClosedClient,
): Promise<void> {
  if (client?.version === 5) {
    const properties = text === undefined ? {} : { reasonString: text };
    const fitted = encodeWithin(
      { cmd: 'disconnect', reasonCode, properties },
      5,
      maxOutgoingPacketSize(client.capabilities),
    );
    if (fitted) await postDisconnect(ports, { connectionId, clientId: client.clientId }, fitted);
  }
  await ports.connections.close(connectionId);
}

async function postDisconnect(ports: Ports, party: Party, { packet, bytes }: EncodedPacket): Promise<void> {
  logPacket(ports, party, { direction: 'out', packet, size: bytes.length });
  await ports.connections.post(party.connectionId, bytes);
}
