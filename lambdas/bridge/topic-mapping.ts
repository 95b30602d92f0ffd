import type { Message } from '../protocol/effects';
import type { QoS } from '../protocol/packets';
import { isTopicName } from '../protocol/topic';
import { matches } from '../protocol/topic-filter';
import { type BridgeEntry, isIncoming, isOutgoing, localFilter, remoteFilter } from './bridge-config';

/** Topic, QoS and RETAIN flag of a message on the other side. */
export type MappedMessage = Pick<Message, 'topic' | 'qos' | 'retain'>;

/** Maps a message of this broker to AWS IoT Core. If several entries result in the same topic, the first entry applies. */
export function mapOutgoing(entries: readonly BridgeEntry[], message: MappedMessage): MappedMessage[] {
  const mapped = entries.filter(isOutgoing).flatMap((entry) => {
    const { localPrefix, remotePrefix } = entry;
    if (!matches(localFilter(entry), message.topic)) return [];
    const topic = replacePrefix(message.topic, { prefix: localPrefix, by: remotePrefix });
    if (topic === undefined) return [];
    return [{ topic, qos: lowerQos(message.qos, entry.qos), retain: entry.retain && message.retain }];
  });
  return firstPerTopic(mapped);
}

/**
 * Maps a message of AWS IoT Core to this broker, by the entries with the topic filter of the rule that the message came through, or
 * by all entries without one. Rules do not provide the QoS of a message, so it gets the QoS of the entry.
 */
export function mapIncoming(
  entries: readonly BridgeEntry[],
  remoteTopic: string,
  ruleFilter?: string,
): MappedMessage[] {
  const mapped = entries.filter(isIncoming).flatMap((entry) => {
    const { localPrefix, remotePrefix, qos, retain } = entry;
    const filter = remoteFilter(entry);
    if ((ruleFilter !== undefined && ruleFilter !== filter) || !matches(filter, remoteTopic)) return [];
    const topic = replacePrefix(remoteTopic, { prefix: remotePrefix, by: localPrefix });
    return topic === undefined || topic.startsWith('$') ? [] : [{ topic, qos, retain }];
  });
  return firstPerTopic(mapped);
}

/** Returns undefined if the result is not a topic, or the topic has no such prefix: `a/#` also matches `a`, which has no `a/`. */
function replacePrefix(topic: string, { prefix, by }: { prefix: string; by: string }): string | undefined {
  if (!topic.startsWith(prefix)) return undefined;
  const replaced = by + topic.slice(prefix.length);
  return isTopicName(replaced) ? replaced : undefined;
}

function lowerQos(qos: QoS, maxQos: 0 | 1): 0 | 1 {
  return qos === 0 ? 0 : maxQos;
}

function firstPerTopic(messages: readonly MappedMessage[]): MappedMessage[] {
  const byTopic = new Map<string, MappedMessage>();
  for (const message of messages) if (!byTopic.has(message.topic)) byTopic.set(message.topic, message);
  return [...byTopic.values()];
}
