import type { Message } from '../protocol/effects';
import { levels } from '../protocol/topic';

/** AWS IoT Core, message broker limits: 7 slashes and 256 bytes of a topic or filter, 128 KB of a payload. */
export const iotLimits = { levels: 8, topicBytes: 256, payloadBytes: 131_072, expirySeconds: 604_800 } as const;

/** Why AWS IoT Core has no such topic or filter, if it has not. */
export function topicProblem(topic: string): string | undefined {
  const depth = levels(topic).length;
  if (depth > iotLimits.levels) return `the topic has ${depth} levels, but AWS IoT Core takes ${iotLimits.levels}`;
  const bytes = Buffer.byteLength(topic);
  if (bytes > iotLimits.topicBytes)
    return `the topic has ${bytes} bytes, but AWS IoT Core takes ${iotLimits.topicBytes}`;
  if (topic.startsWith('$')) return 'topics with a leading $ belong to AWS IoT Core';
  return undefined;
}

/** Why AWS IoT Core would never take a message, if it would not. */
export function messageProblem({ topic, payload }: Message): string | undefined {
  if (payload.length <= iotLimits.payloadBytes) return topicProblem(topic);
  return `the payload has ${payload.length} bytes, but AWS IoT Core takes ${iotLimits.payloadBytes}`;
}
