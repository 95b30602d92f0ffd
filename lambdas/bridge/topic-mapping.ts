import type { Message } from '../protocol/effects';
import { isTopicName } from '../protocol/topic';
import { matches } from '../protocol/topic-filter';
import { type BridgeEntry, isIncoming, isOutgoing, localFilter, remoteFilter } from './bridge-config';

/** How a message arrives on the other side. */
export type MappedMessage = Pick<Message, 'topic' | 'qos' | 'retain'>;

/** Where a message of this broker goes. Entries that lead to the same topic are one passage, as the first of them says. */
export function mapOutgoing(entries: readonly BridgeEntry[], message: MappedMessage): MappedMessage[] {
  const passages = entries.filter(isOutgoing).flatMap((entry) => {
    const topic = replacePrefix(message.topic, entry.localPrefix, localFilter(entry), entry.remotePrefix);
    return topic === undefined
      ? []
      : [{ ...withMaxQos(message, entry), topic, retain: entry.retain && message.retain }];
  });
  return firstPerTopic(passages);
}

/**
 * Where a message of AWS IoT Core goes that the rule for `filter` brought; without one, that any rule would have brought. Its
 * QoS is told by nobody, so the entry's is taken.
 */
export function mapIncoming(entries: readonly BridgeEntry[], remoteTopic: string, filter?: string): MappedMessage[] {
  const meant = entries.filter(
    (entry) => isIncoming(entry) && (filter === undefined || remoteFilter(entry) === filter),
  );
  const passages = meant.flatMap(({ qos, retain, ...entry }) => {
    const topic = replacePrefix(
      remoteTopic,
      entry.remotePrefix,
      remoteFilter({ qos, retain, ...entry }),
      entry.localPrefix,
    );
    return topic === undefined || topic.startsWith('$') ? [] : [{ topic, qos, retain }];
  });
  return firstPerTopic(passages);
}

/** A topic with another prefix, if the entry is for it. */
function replacePrefix(topic: string, prefix: string, filter: string, otherPrefix: string): string | undefined {
  if (!topic.startsWith(prefix) || !matches(filter, topic)) return undefined; // `a/#` also matches `a`, which has no `a/`
  const other = otherPrefix + topic.slice(prefix.length);
  return isTopicName(other) ? other : undefined;
}

function withMaxQos({ qos, ...rest }: MappedMessage, entry: BridgeEntry): MappedMessage {
  return { ...rest, qos: Math.min(qos, entry.qos) as 0 | 1 };
}

function firstPerTopic(passages: readonly MappedMessage[]): MappedMessage[] {
  const byTopic = new Map<string, MappedMessage>();
  for (const passage of passages) if (!byTopic.has(passage.topic)) byTopic.set(passage.topic, passage);
  return [...byTopic.values()];
}
