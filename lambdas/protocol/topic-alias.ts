import { maxAliasTopicBytes } from './limits';
import type { PublishPacket } from './packets';
import { ProtocolError, Reason } from './reason-codes';

/** Topics by their alias. */
export type TopicAliases = ReadonlyMap<number, string>;

interface ResolvedPublish {
  readonly packet: PublishPacket;
  readonly aliases: TopicAliases;
}

/**
 * Replaces the Topic Alias of a PUBLISH by its topic. Returns the aliases of the connection after this packet [MQTT-3.3.2-12].
 *
 * @throws ProtocolError 0x94 above `maximum`, 0x82 for an unknown alias, 0x97 above `maxAliasTopicBytes`.
 */
export function resolveAlias(packet: PublishPacket, aliases: TopicAliases, maximum: number): ResolvedPublish {
  const alias = packet.properties?.topicAlias;
  if (alias === undefined) return { packet, aliases };
  if (alias > maximum) {
    throw new ProtocolError(Reason.topicAliasInvalid, `topic alias ${alias} is above ${maximum}`);
  }
  if (packet.topic !== '') {
    return { packet, aliases: aliases.get(alias) === packet.topic ? aliases : withTopic(aliases, alias, packet.topic) };
  }
  const topic = aliases.get(alias);
  if (topic === undefined) throw new ProtocolError(Reason.protocolError, `topic alias ${alias} was never set`);
  return { packet: { ...packet, topic }, aliases };
}

function withTopic(aliases: TopicAliases, alias: number, topic: string): TopicAliases {
  const changed = new Map(aliases).set(alias, topic);
  const bytes = topicBytes(changed.values());
  if (bytes <= maxAliasTopicBytes) return changed;
  const problem = `topics with an alias have ${bytes} bytes in total, more than ${maxAliasTopicBytes}`;
  throw new ProtocolError(Reason.quotaExceeded, problem);
}

/** Returns the sum of the bytes of topics. */
export function topicBytes(topics: Iterable<string>): number {
  let sum = 0;
  for (const topic of topics) sum += Buffer.byteLength(topic);
  return sum;
}
