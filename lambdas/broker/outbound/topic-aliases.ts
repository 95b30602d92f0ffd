import { encode } from '../../protocol/codec/encode';
import type { ClientCapabilities } from '../../protocol/effects';
import { maxAliasTopicBytes, maxOutgoingPacketSize } from '../../protocol/limits';
import type { PublishPacket } from '../../protocol/packets';
import { topicBytes } from '../../protocol/topic-alias';

/** A PUBLISH that may use a topic alias, for a client that takes so many. */
export interface Aliasable {
  readonly packet: PublishPacket;
  readonly topicAliasMaximum: number;
}

/** Whether a client takes aliases, and the packet with the property of one is not too large for it. */
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

/** What the property may add to a packet, the lengths before it included. */
export const aliasBytes = 8;

/** Below this an alias saves nothing: it is a property of three bytes. */
const shortestTopic = 4;

/**
 * Topic aliases that the stream of a connection sets up with its own client: they last as long as the connection, because
 * nobody else uses their numbers. The lower half is theirs.
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
   * The post that set some of them up may not have arrived: later turns set all up anew. Not this one, whose worker may die
   * before it is committed: then the next one would believe in numbers that stand for something else.
   */
  forget(): void {
    this.isChanged = true;
    this.isSuspended = true;
    this.known = new Map();
  }

  apply({ bytes, aliasable }: Encoded): Buffer {
    if (this.isSuspended || !aliasable || aliasable.packet.topic.length < shortestTopic) return bytes;
    const { topic } = aliasable.packet;
    const known = this.known.get(topic);
    if (known !== undefined) return withAlias(aliasable.packet, '', known);
    if (this.known.size >= ownShare(aliasable.topicAliasMaximum)) return bytes;
    if (topicBytes([...this.known.keys(), topic]) > maxAliasTopicBytes) return bytes;
    this.isChanged = true;
    this.known.set(topic, this.known.size + 1);
    return withAlias(aliasable.packet, topic, this.known.size);
  }
}

function ownShare(topicAliasMaximum: number): number {
  return Math.min(Math.ceil(topicAliasMaximum / 2), mostOwn);
}

/** The record of the connection holds them, and every commit writes it. */
const mostOwn = 16;

/**
 * The packets of one post from another stream, topics that come more than once said only once. Aliases are set up anew in each
 * post, so no other worker that posts to the same client has to know of them; their numbers are the upper half.
 */
export function withAliases(parcels: readonly Encoded[]): Buffer[] {
  const repeated = repeatedTopics(parcels);
  const aliases = new Map<string, number>();
  return parcels.map(({ bytes, aliasable }) => {
    if (!aliasable || !repeated.has(aliasable.packet.topic)) return bytes;
    const { packet, topicAliasMaximum } = aliasable;
    const known = aliases.get(packet.topic);
    if (known !== undefined) return withAlias(packet, '', known);
    const topicAlias = topicAliasMaximum - aliases.size;
    if (topicAlias <= ownShare(topicAliasMaximum)) return bytes;
    aliases.set(packet.topic, topicAlias);
    return withAlias(packet, packet.topic, topicAlias);
  });
}

function withAlias(packet: PublishPacket, topic: string, topicAlias: number): Buffer {
  return encode({ ...packet, topic, properties: { ...packet.properties, topicAlias } }, 5); // [MQTT-3.1.2-26] [MQTT-3.3.2-11]
}

function repeatedTopics(parcels: readonly Encoded[]): Set<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { aliasable } of parcels) {
    const topic = aliasable?.packet.topic ?? '';
    if (topic.length < shortestTopic) continue;
    if (seen.has(topic)) repeated.add(topic);
    seen.add(topic);
  }
  return repeated;
}
