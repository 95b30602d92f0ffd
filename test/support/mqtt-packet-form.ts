import type { Packet } from 'mqtt-packet';
import type { ClientPacket, ServerPacket, UserProperties } from '../../lambdas/protocol/packets';

/** The same packet in the words of mqtt-packet, which does not keep the order of user properties of different names. */
export function mqttPacketForm(packet: ClientPacket | ServerPacket): Packet {
  const form: Record<string, unknown> = withProperties(packet);
  if ('will' in packet && packet.will) form.will = withProperties(packet.will);
  return form as unknown as Packet;
}

function withProperties(part: object): Record<string, unknown> {
  return 'properties' in part ? { ...part, properties: propertiesForm(part.properties as object) } : { ...part };
}

function propertiesForm(properties: object): Record<string, unknown> {
  const { userProperties, subscriptionIdentifiers, ...others } = properties as Record<string, unknown>;
  const identifiers = subscriptionIdentifiers as number[] | undefined;
  return {
    ...others,
    ...(userProperties !== undefined && { userProperties: grouped(userProperties as UserProperties) }),
    ...(identifiers && { subscriptionIdentifier: identifiers.length === 1 ? identifiers[0] : identifiers }),
  };
}

function grouped(pairs: UserProperties): Record<string, string | string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, value] of pairs) groups.set(name, [...(groups.get(name) ?? []), value]);
  return Object.fromEntries([...groups].map(([name, values]) => [name, values.length === 1 ? values[0]! : values]));
}
