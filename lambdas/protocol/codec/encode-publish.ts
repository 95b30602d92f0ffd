import type { PublishPacket } from '../packets';
import { packetType } from './packet-types';
import { PacketWriter, textSize } from './packet-writer';
import { PropertyBlock } from './property-block';
import { varintSize } from './varint';

const noProperties = new PropertyBlock();

/** Encodes PUBLISH, section 3.3, with one allocation. */
export function encodePublish(packet: PublishPacket, version: number): Buffer {
  const { topic, payload, qos, messageId, dup, retain } = packet;
  if (qos > 0 && messageId === undefined) throw new Error('PUBLISH above QoS 0 without a packet id'); // [MQTT-2.2.1-4]
  const block = blockOf(packet);
  const beforePayload = sizeBeforePayload(packet, block, version);

  const header = (packetType.publish << 4) | (dup ? 0x08 : 0) | (qos << 1) | (retain ? 0x01 : 0);
  const writer = new PacketWriter(header, beforePayload + payload.length);
  writer.text(topic);
  if (qos > 0) writer.uint16(messageId!);
  if (version === 5) block.write(writer);
  writer.raw(payload);
  return writer.bytes;
}

/** Returns the bytes of the encoded packet without encoding it. */
export function publishSize(packet: PublishPacket, version: number): number {
  const remaining = sizeBeforePayload(packet, blockOf(packet), version) + packet.payload.length;
  return 1 + varintSize(remaining) + remaining;
}

function blockOf({ properties }: PublishPacket): PropertyBlock {
  return properties ? new PropertyBlock(properties) : noProperties;
}

function sizeBeforePayload({ topic, qos }: PublishPacket, block: PropertyBlock, version: number): number {
  return textSize(topic) + (qos > 0 ? 2 : 0) + (version === 5 ? block.size : 0);
}
