import { type EncodedPacket, encodeWithin, encodeWithinOrThrow } from '../../protocol/encode-within';
import type { ClientPacket, ServerPacket } from '../../protocol/packets';
import type { ClientProtocol } from '../connect/client-protocol';
import { logPacket } from '../observability/packet-log';
import type { Outbox } from '../outbound/outbox';
import type { Ports } from '../ports/ports';

/** Packets that answer the client of a turn: encoded in its protocol version, and sent when the turn is durable. */
export class Responses {
  constructor(
    private readonly props: {
      readonly ports: Ports;
      readonly connectionId: string;
      readonly outbox: Outbox;
      readonly protocol: ClientProtocol;
      /** Client id of the connection; undefined before the client is connected. */
      readonly clientId: () => string | undefined;
    },
  ) {}

  /** @throws ProtocolError for a packet that is larger than the client takes [MQTT-3.1.2-24]. */
  send(packet: ServerPacket): void {
    const fitted = this.fit(packet);
    this.props.outbox.respond(this.props.connectionId, () => this.encoded(fitted));
  }

  /** Sends the packet that `packetOf` returns when all of the turn is durable; nothing if it returns nothing. */
  sendWhenDurable(packetOf: () => ServerPacket | undefined): void {
    this.props.outbox.respond(this.props.connectionId, () => {
      const packet = packetOf();
      return packet && this.encoded(this.fit(packet));
    });
  }

  /** Sends a packet, or as much of it as the client takes; nothing if even that is too large. */
  sendIfItFits(packet: ServerPacket): void {
    const { protocol, outbox, connectionId } = this.props;
    const fitted = encodeWithin(packet, protocol.responseVersion, protocol.maxPacketSize);
    if (fitted) outbox.respond(connectionId, () => this.encoded(fitted));
  }

  /** @throws ProtocolError before anything is written for a request whose response could not be sent. */
  check(response: ServerPacket): void {
    this.fit(response);
  }

  logIncoming(packet: ClientPacket, bytes: number): void {
    logPacket(this.props.ports, this.party(), { direction: 'in', packet, size: bytes });
  }

  private fit(packet: ServerPacket): EncodedPacket {
    const { protocol } = this.props;
    return encodeWithinOrThrow(packet, protocol.responseVersion, protocol.maxPacketSize);
  }

  private encoded({ packet, bytes }: EncodedPacket): Buffer {
    logPacket(this.props.ports, this.party(), { direction: 'out', packet, size: bytes.length });
    return bytes;
  }

  private party() {
    const { connectionId, clientId, protocol } = this.props;
    return { connectionId, clientId: clientId() ?? protocol.connectClientId };
  }
}
