import { isBundled } from '../broker/model/queue-slots';
import type { QueuedMessage, QueueItem } from '../broker/model/queued-message';
import type { QoS } from '../protocol/packets';
import { flag, messageAttributes, number, readFlag, readMessage, readNumber, readText, text } from './attributes';
import type { Item } from './dynamo';
import { outgoing, slotKey, slotNumber } from './slot-keys';

export function toItem(item: QueueItem): Item {
  return {
    ...slotKey(item.session, outgoing, item.slot),
    number: number(item.number),
    ...(item.id ? { id: text(item.id) } : {}),
    ...contentAttributes(item),
    granted: number(item.qos),
    state: text(item.state),
    sentOn: text(item.sentOn),
    sentBy: text(item.sentBy),
    ...(item.expiresAt ? { expiresAt: number(item.expiresAt) } : {}),
  };
}

function contentAttributes({ slot, messages }: QueueItem): Item {
  const contents = messages.map(({ message, retain, identifiers, share }) => ({
    ...messageAttributes(message),
    retained: flag(retain),
    ...(identifiers?.length ? { identifiers: { L: identifiers.map(number) } } : {}),
    ...(share ? { share: text(share.share), shared: text(share.filter) } : {}),
  }));
  return isBundled(slot) ? { bundle: { L: contents.map((content) => ({ M: content })) } } : (contents[0] ?? {});
}

export function toQueueItem(item: Item): QueueItem {
  const id = readText(item.id);
  return {
    session: readText(item.session),
    slot: slotNumber(readText(item.slot)),
    number: readNumber(item.number),
    ...(id ? { id } : {}),
    messages: readContents(item),
    qos: readNumber(item.granted) as Exclude<QoS, 0>,
    state: readText(item.state) === 'released' ? 'released' : 'published',
    sentOn: readText(item.sentOn),
    sentBy: readText(item.sentBy),
    ...(item.expiresAt ? { expiresAt: readNumber(item.expiresAt) } : {}),
  };
}

function readContents(item: Item): QueuedMessage[] {
  const slot = slotNumber(readText(item.slot));
  const contents = item.bundle?.L?.map(({ M = {} }) => M) ?? [item];
  const gone = new Set(item.gone?.NS?.map(Number));
  return contents
    .map((content, index) => ({
      packetId: slot + index,
      message: readMessage(content),
      retain: readFlag(content.retained),
      ...(content.identifiers ? { identifiers: (content.identifiers.L ?? []).map(readNumber) } : {}),
      ...(content.share ? { share: { share: readText(content.share), filter: readText(content.shared) } } : {}),
    }))
    .filter(({ packetId }) => !gone.has(packetId));
}
