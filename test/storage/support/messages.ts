import type { Message } from '../../../lambdas/protocol/effects';

/** A retained QoS 1 message with a short payload. */
export function message(topic: string, payload: string | Buffer = 'on', fields: Partial<Message> = {}): Message {
  return { topic, payload: Buffer.from(payload), qos: 1, retain: true, ...fields };
}

/** Every byte there is: no text encoding lets all of them through. */
export const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** As long as MQTT allows: 65,535 bytes. Two of them with different ends have the same beginning. */
export function longest(beginning: string, end: string): string {
  return beginning + 'x'.repeat(65_535 - Buffer.byteLength(beginning) - Buffer.byteLength(end)) + end;
}
