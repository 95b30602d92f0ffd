/** The parts between the slashes. A leading or trailing slash makes an empty level, and an empty level counts. */
export function levels(topic: string): string[] {
  return topic.split('/');
}

/** Whether `topic` may be published to. Its text is well-formed already: the codec saw to that. */
export function isTopicName(topic: string): boolean {
  return hasTopicLength(topic) && !/[+#\0]/.test(topic); // [v3 MQTT-3.3.2-2] [v3 MQTT-4.7.1-1] [v3 MQTT-4.7.3-2]
}

/** Names and filters have 1 to 65,535 bytes [v3 MQTT-4.7.3-1] [v3 MQTT-4.7.3-3]. */
export function hasTopicLength(text: string): boolean {
  // A UTF-16 unit is at most three bytes, so short text needs no count.
  return text.length > 0 && (text.length <= 21_845 || Buffer.byteLength(text) <= 65_535);
}

/**
 * Topics clients may not publish to: `$SYS/` is the broker's own voice, `$share/` only means something in a filter. Other topics
 * with a leading `$` pass, because bridges and vendors use them (`$aws/things/...`).
 */
export function isReservedTopic(topic: string): boolean {
  return topic.startsWith('$SYS/') || topic.startsWith('$share/') || topic === '$SYS' || topic === '$share';
}

/** A topic or filter for an error message: escaped, and cut short, because a client may send 64 KB of it. */
export function quoteTopic(text: string): string {
  return text.length <= 100 ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, 100))}...`;
}
