import { connectVersion } from '../../protocol/codec/connect-version';
import { announcedPacketSize } from '../../protocol/codec/decode-connect';
import { maxOutgoingPacketSize } from '../../protocol/limits';
import type { ConnectPacket, ProtocolVersion } from '../../protocol/packets';
import type { ConnectionRecord } from '../model/connection';

/**
 * Protocol version and packet limit of one client, from the first bytes of its CONNECT on. Nothing else decides which version
 * a packet is decoded or encoded in.
 */
export class ClientProtocol {
  /** Version of the client's packets; undefined until CONNECT has been read. */
  version: ProtocolVersion | undefined;
  /** Bytes of the largest packet that the client takes, as far as it has said so [MQTT-3.1.2-24]. */
  maxPacketSize: number;
  /** Client id of a CONNECT that was read in this turn, empty before. */
  connectClientId = '';
  private claimedVersion: ProtocolVersion = 4;

  /**
   * @param client The open connection, if there is one.
   * @param kept A CONNECT that was read in an earlier turn and waits for AUTH.
   */
  constructor(client: Pick<ConnectionRecord, 'version' | 'capabilities'> | undefined, kept: ConnectPacket | undefined) {
    this.version = client?.version ?? kept?.protocolVersion;
    this.maxPacketSize = maxOutgoingPacketSize(client?.capabilities ?? kept?.properties ?? {});
  }

  /** Version of packets to the client. Before CONNECT was understood it is what its first bytes claim, or 4. */
  get responseVersion(): ProtocolVersion {
    return this.version ?? this.claimedVersion;
  }

  /** Reads what a CONNECT says of itself, so that the client understands the CONNACK that refuses it. */
  readHeader(bytes: Buffer): void {
    this.claimedVersion = connectVersion(bytes);
    if (this.version !== undefined || this.claimedVersion < 5) return;
    this.maxPacketSize = maxOutgoingPacketSize({ maximumPacketSize: announcedPacketSize(bytes) });
  }

  /** Takes over version and packet limit of a decoded CONNECT. */
  readConnect({ protocolVersion, properties, clientId }: ConnectPacket): void {
    this.version = protocolVersion;
    this.maxPacketSize = maxOutgoingPacketSize(properties ?? {});
    this.connectClientId = clientId;
  }
}
