/** Splits a topic into its levels. A leading, trailing or double slash makes an empty level. */
export function levels(topic: string): string[] {
  return topic.split('/');
}

/** True if `topic` is a valid topic name. The codec has already checked its UTF-8. */
export function isTopicName(topic: string): boolean {
  return hasTopicLength(topic) && !/[+#\0]/.test(topic); // [v3 MQTT-3.3.2-2] [v3 MQTT-4.7.1-1] [v3 MQTT-4.7.3-2]
}

/** True if a topic name or filter has 1 to 65,535 bytes [v3 MQTT-4.7.3-1] [v3 MQTT-4.7.3-3]. */
export function hasTopicLength(text: string): boolean {
  // A UTF-16 unit has at most three bytes in UTF-8, so that the bytes of a short text need not be counted.
  return text.length > 0 && (text.length <= 21_845 || Buffer.byteLength(text) <= 65_535);
}

/**
 * True for topics that clients may not publish to: `$SYS/`, where the broker itself publishes, and `$share/`, which has a meaning only in
 * filters. Other topics with a leading `$` are allowed, because bridges and vendors use them (`$aws/things/...`).
 */
export function isReservedTopic(topic: string): boolean {
  return topic.startsWith('$SYS/') || topic.startsWith('$share/') || topic === '$SYS' || topic === '$share';
}

/** Formats a topic or filter for an error message: escaped, and shortened to 100 characters, because it may have 64 KB. */
export function quoteTopic(text: string): string {
  return text.length <= 100 ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, 100))}...`;
}
