import type { Message } from '../../protocol/effects';
import type { ConnectionRecord } from '../model/connection';
import type { IncomingMessage } from '../model/delivery';
import type { BrokerEvent } from '../ports/events';
import type { Ports } from '../ports/ports';

type EventPorts = Pick<Ports, 'events' | 'now' | 'log'>;

/** An event in the life of a client or its session. */
export interface LifecycleEvent {
  readonly type: Exclude<BrokerEvent['type'], 'message'>;
  /** Fields beside those that every lifecycle event has. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Publishes a lifecycle event of a connection. A repeated attempt publishes it under the same id. */
export async function publishLifecycleEvent(
  { events, now }: EventPorts,
  {
    connectionId,
    clientId,
    identity: { kind, username },
  }: Pick<ConnectionRecord, 'connectionId' | 'clientId' | 'identity'>,
  { type, detail }: LifecycleEvent,
): Promise<void> {
  if (!events.wantsLifecycle) return;
  const fields = { clientId, connectionId, kind, username, ...detail };
  await events.send([{ type, id: `${type}#${connectionId}`, at: now(), detail: fields }]);
}

/**
 * Publishes messages to the event bus, those of configured topics. Safe to repeat, and to be awaited before an acknowledgement. A failure
 * must not keep QoS 0 messages, which have no acknowledgement, from subscribers.
 */
export async function publishMessageEvents(
  { events, now, log }: EventPorts,
  incoming: readonly IncomingMessage[],
): Promise<void> {
  const wanted = incoming.filter(({ message }) => events.wantsMessage(message.topic));
  if (wanted.length === 0) return;
  const toEvent = ({ id, message, receivedAt }: IncomingMessage): BrokerEvent => {
    return { type: 'message', id, at: receivedAt ?? now(), detail: detailOf(message) };
  };
  try {
    await events.send(wanted.map(toEvent));
  } catch (error) {
    if (wanted.some(({ message }) => message.qos > 0)) throw error;
    log('events not queued', { error: String(error), count: wanted.length });
  }
}

/** Returns the fields of a message, binary values in base64. */
function detailOf({ topic, payload, qos, retain, publisher, properties }: Message): Record<string, unknown> {
  const { correlationData, ...plain } = properties ?? {};
  const correlation = correlationData ? { correlationData: correlationData.toString('base64') } : {};
  return {
    ...{ topic, qos, retain, clientId: publisher, payload: payload.toString('base64') },
    ...(properties && { properties: { ...plain, ...correlation } }),
  };
}
