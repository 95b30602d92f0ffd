import { maxAliasTopicBytes } from './limits';
import type { PublishPacket } from './packets';
import { ProtocolError, Reason } from './reason-codes';

export type TopicAliases = ReadonlyMap<number, string>;

interface ResolvedPublish {
  readonly packet: PublishPacket;
  readonly aliases: TopicAliases;
}

/** A PUBLISH with its topic in place of an alias, and the aliases that hold from now on [MQTT-3.3.2-12]. */
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
  const problem = `topics with an alias have ${bytes} bytes together, at most ${maxAliasTopicBytes} are kept`;
  throw new ProtocolError(Reason.quotaExceeded, problem);
}

/** Bytes of these topics. */
export function topicBytes(topics: Iterable<string>): number {
  let sum = 0;
  for (const topic of topics) sum += Buffer.byteLength(topic);
  return sum;
}
