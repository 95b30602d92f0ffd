import type { Message } from '../../protocol/effects';
import type { Subscriber } from '../model/subscription';

/** The recipients of messages of one topic. */
export interface Recipients {
  /** One entry for each client with matching non-shared subscriptions, at their highest QoS and with all their identifiers. */
  readonly nonShared: readonly Recipient[];
  /** Rows of shared subscriptions. One member of each share gets a message. */
  readonly shared: readonly Subscriber[];
}

/** The matching subscriptions of a client, merged into one. */
export interface Recipient extends Subscriber {
  /** The subscription for messages of the client itself, where some of its subscriptions have No Local. */
  readonly forOwnMessages?: Recipient | 'nothing';
}

export const noRecipients: Recipients = { nonShared: [], shared: [] };

/** Returns the recipients among index rows. A client with several matching filters gets one copy [v3 MQTT-3.3.5-1] [MQTT-3.3.4-2]. */
export function recipientsOf(rows: readonly Subscriber[]): Recipients {
  const byClient = new Map<string, Subscriber[]>();
  for (const row of rows) {
    if (row.share !== undefined) continue;
    const known = byClient.get(row.clientId);
    if (known) known.push(row);
    else byClient.set(row.clientId, [row]);
  }
  return {
    nonShared: [...byClient.values()].map(mergeRows),
    shared: rows.filter(({ share }) => share !== undefined),
  };
}

/** Merges the rows of one client. Rows of an older session of the client do not count. */
function mergeRows(rows: readonly Subscriber[]): Recipient {
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
  return { ...merged, forOwnMessages: others.length > 0 ? merge(others) : 'nothing' };
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

/** Returns the subscription by which a recipient gets a message, or undefined if No Local excludes it [MQTT-3.8.3-3]. */
export function subscriptionFor(recipient: Recipient, message: Message): Subscriber | undefined {
  if (recipient.forOwnMessages === undefined || message.publisher !== recipient.clientId) return recipient;
  return recipient.forOwnMessages === 'nothing' ? undefined : recipient.forOwnMessages;
}
