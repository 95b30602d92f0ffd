import type { Message } from '../protocol/effects';
import { levels } from '../protocol/topic';

/** Message broker limits of AWS IoT Core: 7 slashes and 256 bytes in a topic or filter, 128 KB in a payload. */
export const iotLimits = { levels: 8, topicBytes: 256, payloadBytes: 131_072, expirySeconds: 604_800 } as const;

/** Returns why AWS IoT Core does not accept a topic or filter; undefined if it does. */
export function topicProblem(topic: string): string | undefined {
  const depth = levels(topic).length;
  if (depth > iotLimits.levels) return `the topic has ${depth} levels, but AWS IoT Core accepts ${iotLimits.levels}`;
  const bytes = Buffer.byteLength(topic);
  if (bytes > iotLimits.topicBytes)
    return `the topic has ${bytes} bytes, but AWS IoT Core accepts ${iotLimits.topicBytes}`;
  if (topic.startsWith('$')) return 'topics with a leading $ belong to AWS IoT Core';
  return undefined;
}

/** Returns why AWS IoT Core does not accept a message; undefined if it does. */
export function messageProblem({ topic, payload }: Message): string | undefined {
  if (payload.length <= iotLimits.payloadBytes) return topicProblem(topic);
  return `the payload has ${payload.length} bytes, but AWS IoT Core accepts ${iotLimits.payloadBytes}`;
}
