import { incomingAliases } from './limits';
import type { PublishPacket } from './packets';
import { ProtocolError, Reason } from './reason-codes';

export type Aliases = ReadonlyMap<number, string>;

/** A PUBLISH with its topic in place of an alias, and the aliases that hold from now on [MQTT-3.3.2-8] [MQTT-3.3.2-9]. */
export function resolveAlias(packet: PublishPacket, aliases: Aliases): { packet: PublishPacket; aliases: Aliases } {
  const alias = packet.properties?.topicAlias;
  if (alias === undefined) return { packet, aliases };
  if (alias > incomingAliases) {
    throw new ProtocolError(Reason.topicAliasInvalid, `topic alias ${alias} is above ${incomingAliases}`);
  }
  if (packet.topic !== '') {
    const isKnown = aliases.get(alias) === packet.topic;
    return { packet, aliases: isKnown ? aliases : new Map(aliases).set(alias, packet.topic) };
  }
  const topic = aliases.get(alias);
  if (topic === undefined) throw new ProtocolError(Reason.protocolError, `topic alias ${alias} was never set`);
  return { packet: { ...packet, topic }, aliases };
}
