import type { Message } from '../../protocol/effects';
import type { Subscriber } from '../model/subscription';

/** Who hears what is published to one topic. */
export interface Recipients {
  /** One entry per client at the highest QoS granted to it, with the identifiers of all its matching subscriptions. */
  readonly everyone: readonly Recipient[];
  /** Rows of shared subscriptions; of each share one member hears a message. */
  readonly members: readonly Subscriber[];
}

/** A client's matching subscriptions as one. */
export interface Recipient extends Subscriber {
  /** What is left of it for what the client publishes itself, when some of its subscriptions say No Local. */
  readonly forOwn?: Recipient | 'nothing';
}

export const noRecipients: Recipients = { everyone: [], members: [] };

/** A client with several matching filters gets one copy [v3 MQTT-3.3.5-1] [MQTT-3.3.4-2]. */
export function recipientsOf(rows: readonly Subscriber[]): Recipients {
  const byClient = new Map<string, Subscriber[]>();
  for (const row of rows) {
    if (row.share !== undefined) continue;
    const known = byClient.get(row.clientId);
    if (known) known.push(row);
    else byClient.set(row.clientId, [row]);
  }
  return {
    everyone: [...byClient.values()].map(asOne),
    members: rows.filter(({ share }) => share !== undefined),
  };
}

/** The rows of a newer session count, whatever an older one was granted. */
function asOne(rows: readonly Subscriber[]): Recipient {
  const [only] = rows;
  if (rows.length === 1 && only && !only.noLocal) return only;
  const session = rows
    .map((row) => row.session)
    .sort()
    .at(-1);
  const current = rows.filter((row) => row.session === session);
  const merged = merge(current);
  if (!current.some(({ noLocal }) => noLocal)) return merged;
  const others = current.filter(({ noLocal }) => !noLocal);
  return { ...merged, forOwn: others.length > 0 ? merge(others) : 'nothing' };
}

function merge(rows: readonly Subscriber[]): Subscriber {
  const best = rows.reduce((one, other) => (other.qos > one.qos ? other : one));
  const identifiers = [...new Set(rows.flatMap((row) => row.identifiers ?? []))];
  return {
    ...best,
    ...(rows.some(({ retainAsPublished }) => retainAsPublished) && { retainAsPublished: true }),
    ...(identifiers.length > 0 && { identifiers }),
  };
}

/** What a listener hears of a message: as it is, less, or nothing [MQTT-3.8.3-3]. */
export function subscriptionFor(listener: Recipient, message: Message): Subscriber | undefined {
  if (listener.forOwn === undefined || message.publisher !== listener.clientId) return listener;
  return listener.forOwn === 'nothing' ? undefined : listener.forOwn;
}
