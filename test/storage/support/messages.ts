import type { ForwardedProperties, Message } from '../../../lambdas/protocol/effects';

/** A retained QoS 1 message with a short payload. */
export function message(topic: string, payload: string | Buffer = 'on', fields: Partial<Message> = {}): Message {
  return { topic, payload: Buffer.from(payload), qos: 1, retain: true, ...fields };
}

/** All byte values: no text encoding preserves them. */
export const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** A topic with the maximum length of MQTT, 65,535 bytes. Two of them with different ends have the same beginning. */
export function longest(beginning: string, end: string): string {
  return beginning + 'x'.repeat(65_535 - Buffer.byteLength(beginning) - Buffer.byteLength(end)) + end;
}

/** A QoS 2 message with all properties. */
export function fullMessage(topic: string): Message {
  return message(topic, everyByte, {
    qos: 2,
    publisher: 'kitchen',
    expiresAt: 1_700_000_060_123,
    properties: {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'answers/here',
      correlationData: everyByte,
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '0'],
      ],
    },
  });
}

/** The same with empty values: an empty property is not absent. */
export function emptyMessage(topic: string): Message {
  return message(topic, '', {
    qos: 0,
    retain: false,
    publisher: 'kitchen',
    expiresAt: 0,
    properties: {
      payloadFormatIndicator: false,
      contentType: '',
      correlationData: Buffer.alloc(0),
      userProperties: [
        ['', ''],
        ['', 'value'],
        ['name', ''],
      ],
    },
  });
}

/** Messages with one property each, the others absent. */
export const singleProperties: readonly ForwardedProperties[] = [
  { payloadFormatIndicator: true },
  { payloadFormatIndicator: false },
  { contentType: '' },
  { responseTopic: 'a' },
  { correlationData: Buffer.alloc(0) },
  { correlationData: everyByte },
  { userProperties: [['name', 'value']] },
];
