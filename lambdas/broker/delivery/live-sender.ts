import { encode } from '../../protocol/codec/encode';
import { maxOutgoingPacketSize } from '../../protocol/limits';
import { toPublish } from '../../protocol/outgoing-publish';
import type { ProtocolVersion, PublishPacket } from '../../protocol/packets';
import type { Delivery, IncomingMessage, SessionDeliveries } from '../model/delivery';
import type { QueuePosition } from '../model/queue-slots';
import type { SessionItem } from '../model/session';
import { logPacket } from '../observability/packet-log';
import { isBackingOff } from '../outbound/congestion';
import type { Dispatch } from '../outbound/dispatch';
import type { OutgoingPacket, PacketSource } from '../outbound/outbox';
import { aliasable } from '../outbound/topic-aliases';
import type { Ports } from '../ports/ports';
import { liveConnection, type QueuedDeliveries } from './queue-items';
import type { MayReceive } from './receive-permission';

/** A session with the positions of its deliveries in the queue, and what its client may receive. */
export interface LiveSession extends QueuedDeliveries {
  readonly mayReceive: MayReceive;
}

interface Encoded {
  readonly packet: PublishPacket;
  readonly bytes: Buffer;
}

/** Hands messages for connected clients to the dispatch. */
export class LiveSender {
  private readonly ports: Ports;
  private readonly dispatch: Dispatch;

  constructor({ ports, dispatch }: { readonly ports: Ports; readonly dispatch: Dispatch }) {
    this.ports = ports;
    this.dispatch = dispatch;
  }

  /**
   * Sends the deliveries of a session to its owner. A message in the queue is sent only where the connection is live; else a drain
   * sends it. A QoS 0 message is sent once CONNACK has left, and dropped where an earlier attempt may have sent it or the client
   * reads too slowly.
   */
  send({ deliveries }: SessionDeliveries, { item, positions, mayReceive }: LiveSession): void {
    if (!item.owner) return;
    const isLive = liveConnection(item) !== undefined;
    const takesQos0 = item.connackSentOn === item.fence;
    for (const delivery of deliveries) {
      const { incoming, qos } = delivery;
      const position = positions.get(delivery);
      if (position && isLive) this.sendQueued(delivery, item, position);
      else if (qos === 0 && takesQos0 && !incoming.replay && mayReceive(incoming.message.topic)) {
        if (isBackingOff(item, this.ports.now())) this.ports.metrics.count('DroppedSlow');
        else this.sendQos0(delivery, item);
      }
    }
  }

  private sendQos0(delivery: Delivery, item: SessionItem): void {
    const { version, clientId } = item;
    const encoded = qos0Publish(delivery, version, this.ports.now());
    if (this.add(delivery, item, { ...encoded, source: { kind: 'qos0', clientId } })) return;
    this.ports.log('packet too large', { connectionId: item.owner ?? '', bytes: encoded.bytes.length });
    this.ports.metrics.count('DroppedTooLarge');
  }

  private sendQueued(delivery: Delivery, item: SessionItem, { number, packetId, slot }: QueuePosition): void {
    const { incoming, qos, retain, identifiers } = delivery;
    if (qos === 0) return;
    const now = this.ports.now();
    const packet = toPublish(incoming.message, { qos, packetId, dup: false, retain, identifiers, now });
    const bytes = encode(packet, item.version);
    const { clientId, session, fence } = item;
    const firstNumber = number - (packetId - slot);
    const source = { kind: 'queued', clientId, session, fence, slot, number: firstNumber, packetId, qos } as const;
    if (!this.add(delivery, item, { packet, bytes, source })) this.dispatch.dropTooLarge(source);
  }

  /** Returns false for a packet that is larger than the client takes [MQTT-3.1.2-24]. */
  private add(
    { qos, incoming: { message, receivedAt } }: Delivery,
    item: SessionItem,
    { packet, bytes, source }: Encoded & { readonly source: PacketSource },
  ): boolean {
    const { owner: connectionId = '', clientId, capabilities, congestion } = item;
    if (bytes.length > maxOutgoingPacketSize(capabilities)) return false;
    logPacket(this.ports, { clientId, connectionId }, { direction: 'out', packet, size: bytes.length });
    const alias = aliasable(packet, bytes, capabilities);
    const outgoing: OutgoingPacket = {
      bytes,
      source,
      publish: { qos, payloadBytes: message.payload.length, ...(receivedAt !== undefined && { receivedAt }) },
      ...(congestion && { congestedSession: item }),
      ...(alias && { aliasable: alias }),
    };
    this.dispatch.outbox.add(connectionId, outgoing);
    return true;
  }
}

const qos0Publishes = new WeakMap<IncomingMessage, Map<string, Encoded>>();

/** Encodes a QoS 0 PUBLISH once for all subscribers that get the same bytes. */
function qos0Publish({ incoming, retain, identifiers }: Delivery, version: ProtocolVersion, now: number): Encoded {
  const variants = qos0Publishes.get(incoming) ?? new Map<string, Encoded>();
  qos0Publishes.set(incoming, variants);
  const variant = `${version} ${retain} ${identifiers ?? ''}`;
  const known = variants.get(variant);
  if (known) return known;
  const packet = toPublish(incoming.message, { qos: 0, dup: false, retain, identifiers, now });
  const encoded = { packet, bytes: encode(packet, version) };
  variants.set(variant, encoded);
  return encoded;
}
