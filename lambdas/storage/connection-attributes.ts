import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { EarlyFrame } from '../broker/model/connection';
import { bytes, number, readBytes, readNumber, readText, text } from './attributes';
import type { Item } from './dynamo';

/** Returns the key of a row in the connections table. */
export function connectionKey(connectionId: string): Item {
  return { connectionId: text(connectionId) };
}

/** Returns frames that arrived before an earlier one of their connection, as one attribute. */
export function earlyAttribute(frames: readonly EarlyFrame[]): AttributeValue {
  return { L: frames.map(toEntry) };
}

export function readEarly(value: AttributeValue | undefined): EarlyFrame[] {
  return (value?.L ?? []).map((entry) => toFrame(entry.M ?? {}));
}

function toEntry(frame: EarlyFrame): AttributeValue {
  const { number: position, eventId, receivedAt, connectedAt } = frame;
  return {
    M: {
      number: number(position),
      eventId: text(eventId),
      receivedAt: number(receivedAt),
      connectedAt: number(connectedAt),
      bytes: bytes(frame.bytes),
    },
  };
}

function toFrame(item: Item): EarlyFrame {
  return {
    number: readNumber(item.number),
    bytes: readBytes(item.bytes),
    eventId: readText(item.eventId),
    receivedAt: readNumber(item.receivedAt),
    connectedAt: readNumber(item.connectedAt ?? item.receivedAt), // release 0.1 did not store it
  };
}
