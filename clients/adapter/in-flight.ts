import { bodyOf, PacketType, typeOf } from './packets';

/** Added to a packet id that the broker chose: each side has ids of its own [MQTT-2.2.1-5]. */
const brokersId = 0x1_0000;

/** From here on a reason code tells of a failure, section 2.4. */
const failure = 0x80;

/** Exchanges between client and broker that have begun and not ended: what a cut now would have to repeat. */
export class InFlight {
  private readonly open = new Set<number>();

  get count(): number {
    return this.open.size;
  }

  fromClient(packet: Buffer): void {
    this.follow(packet, 0, brokersId);
  }

  fromBroker(packet: Buffer): void {
    this.follow(packet, brokersId, 0);
  }

  private follow(packet: Buffer, own: number, others: number): void {
    switch (typeOf(packet)) {
      case PacketType.publish:
        if (packet[0]! & 0x06) this.open.add(own + idOfPublish(packet));
        return;
      case PacketType.subscribe:
      case PacketType.unsubscribe:
        this.open.add(own + idOf(packet));
        return;
      case PacketType.puback:
      case PacketType.pubcomp:
      case PacketType.suback:
      case PacketType.unsuback:
        this.open.delete(others + idOf(packet));
        return;
      case PacketType.pubrec:
        if ((bodyOf(packet)[2] ?? 0) >= failure) this.open.delete(others + idOf(packet));
    }
  }
}

function idOf(packet: Buffer): number {
  return uint16(bodyOf(packet), 0);
}

function idOfPublish(packet: Buffer): number {
  const body = bodyOf(packet);
  return uint16(body, 2 + uint16(body, 0));
}

/** Zero beyond the end: what is malformed is for the broker to refuse. */
function uint16(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
