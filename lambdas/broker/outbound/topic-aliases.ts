import { encode } from '../../protocol/codec/encode';
import type { ClientCapabilities } from '../../protocol/effects';
import { maxAliasTopicBytes, maxOutgoingPacketSize } from '../../protocol/limits';
import type { PublishPacket } from '../../protocol/packets';
import { topicBytes } from '../../protocol/topic-alias';

/** A PUBLISH that may use a topic alias. */
export interface Aliasable {
  readonly packet: PublishPacket;
  /** Topic Alias Maximum of the client. */
  readonly topicAliasMaximum: number;
}

/** Returns the packet as one that may use an alias, if its client takes aliases and the property keeps it within the packet limit. */
export function aliasable(
  packet: PublishPacket,
  bytes: Buffer,
  capabilities: ClientCapabilities,
): Aliasable | undefined {
  const { topicAliasMaximum = 0 } = capabilities;
  if (topicAliasMaximum === 0 || bytes.length + aliasBytes > maxOutgoingPacketSize(capabilities)) return undefined;
  return { packet, topicAliasMaximum };
}

interface Encoded {
  readonly bytes: Buffer;
  readonly aliasable?: Aliasable;
}

/** Bytes that the property may add to a packet, longer length fields included. */
export const aliasBytes = 8;

/** Length from which an alias saves bytes: it is a property of three bytes. */
const minTopicLength = 4;

/** Aliases of one connection. Its record holds them, and every commit writes it. */
const maxConnectionAliases = 16;

/**
 * Topic aliases that the stream of a connection sets up with its own client. They last as long as the connection, because no other
 * worker uses their numbers: the lower half of the Topic Alias Maximum.
 */
export class ConnectionAliases {
  isChanged = false;
  private known: Map<string, number>;
  private isSuspended = false;

  constructor(aliases: ReadonlyMap<string, number> = new Map()) {
    this.known = new Map(aliases);
  }

  get all(): ReadonlyMap<string, number> {
    return this.known;
  }

  /**
   * Forgets all aliases after a post that may not have arrived; later turns set them up anew. This turn uses none: if its worker died
   * before the commit, the next turn would rely on numbers that stand for other topics.
   */
  forget(): void {
    this.isChanged = true;
    this.isSuspended = true;
    this.known = new Map();
  }

  /** Returns the bytes of a packet, with an alias if one is known or can be set up. */
  apply({ bytes, aliasable }: Encoded): Buffer {
    if (this.isSuspended || !aliasable || aliasable.packet.topic.length < minTopicLength) return bytes;
    const { topic } = aliasable.packet;
    const known = this.known.get(topic);
    if (known !== undefined) return withAlias(aliasable.packet, '', known);
    if (this.known.size >= connectionShare(aliasable.topicAliasMaximum)) return bytes;
    if (topicBytes([...this.known.keys(), topic]) > maxAliasTopicBytes) return bytes;
    this.isChanged = true;
    this.known.set(topic, this.known.size + 1);
    return withAlias(aliasable.packet, topic, this.known.size);
  }
}

function connectionShare(topicAliasMaximum: number): number {
  return Math.min(Math.ceil(topicAliasMaximum / 2), maxConnectionAliases);
}

/**
 * Returns the packets of one post from another stream, in which repeated topics use aliases. Each post sets its aliases up anew, so
 * workers that post to the same client need not know each other's; their numbers are the upper half of the Topic Alias Maximum.
 */
export function withAliases(packets: readonly Encoded[]): Buffer[] {
  const repeated = repeatedTopics(packets);
  const aliases = new Map<string, number>();
  return packets.map(({ bytes, aliasable }) => {
    if (!aliasable || !repeated.has(aliasable.packet.topic)) return bytes;
    const { packet, topicAliasMaximum } = aliasable;
    const known = aliases.get(packet.topic);
    if (known !== undefined) return withAlias(packet, '', known);
    const topicAlias = topicAliasMaximum - aliases.size;
    if (topicAlias <= connectionShare(topicAliasMaximum)) return bytes;
    aliases.set(packet.topic, topicAlias);
    return withAlias(packet, packet.topic, topicAlias);
  });
}

function withAlias(packet: PublishPacket, topic: string, topicAlias: number): Buffer {
  return encode({ ...packet, topic, properties: { ...packet.properties, topicAlias } }, 5); // [MQTT-3.1.2-26] [MQTT-3.3.2-11]
}

function repeatedTopics(packets: readonly Encoded[]): Set<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { aliasable } of packets) {
    const topic = aliasable?.packet.topic ?? '';
    if (topic.length < minTopicLength) continue;
    if (seen.has(topic)) repeated.add(topic);
    seen.add(topic);
  }
  return repeated;
}
