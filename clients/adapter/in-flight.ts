import { packetType } from '../../lambdas/protocol/codec/packet-types';
import { uint16 } from '../packet-fields';
import { bodyOf, typeOf } from './packets';

/** Offset of packet ids that the broker chose: client and broker assign ids independently [MQTT-2.2.1-5]. */
const brokerOffset = 0x1_0000;

/** The lowest reason code of a failure, section 2.4. */
const firstFailure = 0x80;

/** Exchanges between client and broker that are not complete: both sides would repeat them after a disconnect. */
export class InFlight {
  private readonly open = new Set<number>();

  get count(): number {
    return this.open.size;
  }

  fromClient(packet: Buffer): void {
    this.track(packet, { sender: 0, receiver: brokerOffset });
  }

  fromBroker(packet: Buffer): void {
    this.track(packet, { sender: brokerOffset, receiver: 0 });
  }

  private track(packet: Buffer, offset: { readonly sender: number; readonly receiver: number }): void {
    switch (typeOf(packet)) {
      case packetType.publish:
        if (packet[0]! & 0x06) this.open.add(offset.sender + publishId(packet));
        return;
      case packetType.subscribe:
      case packetType.unsubscribe:
        this.open.add(offset.sender + packetId(packet));
        return;
      case packetType.puback:
      case packetType.pubcomp:
      case packetType.suback:
      case packetType.unsuback:
        this.open.delete(offset.receiver + packetId(packet));
        return;
      case packetType.pubrec:
        if ((bodyOf(packet)[2] ?? 0) >= firstFailure) this.open.delete(offset.receiver + packetId(packet));
    }
  }
}

function packetId(packet: Buffer): number {
  return uint16(bodyOf(packet), 0);
}

/** The packet id of a PUBLISH above QoS 0 follows its topic, section 3.3.2. */
function publishId(packet: Buffer): number {
  const body = bodyOf(packet);
  return uint16(body, 2 + uint16(body, 0));
}
