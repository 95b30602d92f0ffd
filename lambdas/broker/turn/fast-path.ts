import type { Effect } from '../../protocol/effects';
import type { ConnectionRecord } from '../model/connection';
import type { IncomingMessage } from '../model/delivery';
import type { Snapshot } from '../model/snapshot';
import { maxLookupSessions } from '../ports/connection-store';
import type { TurnInput } from './assemble-turn';
import { confirms } from './connection-cache';
import type { ConnectionState } from './connection-state';
import { areWholeFrames } from './frame-order';
import type { PendingWrites } from './pending-writes';
import type { Confirmation, TurnMode } from './turn-mode';

/** PUBACKs of one turn on the fast path. */
const maxAcknowledged = 128;

/**
 * The fast path: QoS 0 messages, PUBACKs and PINGREQs of a connection that this container remembers. One read, or the commit itself,
 * confirms the cached connection. QoS 0 allows its messages to leave beside the commit: an event that is delivered again sends no
 * QoS 0 message twice. A PUBACK that is handled twice finds its slot empty.
 *
 * Returns undefined if the connection or the events need another turn.
 */
export function fastPath(input: TurnInput, cached: ConnectionRecord): TurnMode | undefined {
  const { ports, events, reader } = input;
  const { identity, clientId } = cached;
  if (ports.debugClients.has(clientId) || cached.debt || cached.supersededAt !== undefined) return undefined;
  if (!areWholeFrames(cached, events, reader.frame)) return undefined;
  const permissions = ports.access.remembered(identity, clientId);
  const lastSeen = Math.max(...events.map(({ receivedAt }) => receivedAt));
  if (!permissions || permissions === 'revoked' || lastSeen >= (identity.expiresAt ?? Number.POSITIVE_INFINITY)) {
    return undefined;
  }
  return {
    allows: isFast,
    mayRead: false,
    confirm: (state, writes) => (isPlain(state, writes) ? confirmation(input, state, writes.messages) : undefined),
    mayRefuse: async () => false,
  };
}

/** The effects of the fast path. Every kind of effect is listed, so that a new one is classified before it compiles. */
function isFast(effect: Effect, state: ConnectionState): boolean {
  const { receiveMaximum, topicAliasMaximum = 0 } = state.current().capabilities;
  switch (effect.do) {
    case 'send':
    case 'deny':
      return true;
    case 'accept':
      return effect.message.qos === 0 && topicAliasMaximum === 0; // the full turn keeps the aliases
    case 'acknowledged':
      return receiveMaximum === undefined; // the full turn sends what has waited for the window
    case 'acknowledge':
    case 'hold':
    case 'release':
    case 'received':
    case 'rejected':
    case 'completed':
    case 'connect':
    case 'authenticate':
    case 'subscribe':
    case 'unsubscribe':
    case 'disconnect':
      return false;
  }
}

/** True if nothing but the frame number and the time of the connection changes. */
function isPlain({ control, tail, rest }: ConnectionState, { acknowledged }: PendingWrites): boolean {
  return control.isNegligible && acknowledged <= maxAcknowledged && tail.length === 0 && !rest;
}

function confirmation(input: TurnInput, state: ConnectionState, messages: readonly IncomingMessage[]): Confirmation {
  if (messages.length === 0) return confirmedByCommit(input, state);
  const cached = state.current();
  const sessions = readWithSubscribers(input, messages).then(({ connection, sessions: items }) =>
    confirms(connection, cached) ? items : undefined,
  );
  // A retained message leaves before the commit, which tells other writers of its topic that it has left.
  const isRetained = messages.some(({ message }) => message.retain);
  return {
    sessions,
    isCurrent: async () => (await sessions) !== undefined,
    commit: isRetained ? 'after sending' : 'beside sending',
  };
}

/**
 * Acknowledgements and PINGREQs need no read: the condition of the commit confirms the cache. A worker that dies between commit and
 * PINGRESP leaves its client to its own timeout.
 */
function confirmedByCommit({ ports }: TurnInput, state: ConnectionState): Confirmation {
  const cached = state.current();
  const commit = async () => {
    if (!state.control.isNegligible) return false; // many PUBACKs of unknown packet ids: the full turn counts them
    const after = { ...cached, lastNumber: state.lastNumber, lastSeen: state.lastSeen(cached) };
    return (await ports.connectionStore.commitFrom(after, cached.lastNumber)) === 'committed';
  };
  return { isCurrent: commit, commit: 'confirmed' };
}

/** Reads the connection together with the session items of subscribers that the container remembers. */
async function readWithSubscribers(
  { ports, router, connectionId }: TurnInput,
  messages: readonly IncomingMessage[],
): Promise<Pick<Snapshot, 'connection' | 'sessions'>> {
  if (messages.some(({ message }) => message.retain)) {
    return { ...(await ports.connectionStore.load(connectionId)), sessions: new Map() };
  }
  const guessed = [...(router.cachedRecipients(messages.map(({ message }) => message.topic))?.values() ?? [])];
  const clientIds = [...new Set(guessed.flatMap(({ nonShared }) => nonShared.map(({ clientId }) => clientId)))];
  const snapshot = ports.lookup.read(connectionId, clientIds.length > maxLookupSessions ? [] : clientIds);
  router.prepare(snapshot.then(({ shapes }) => shapes));
  return snapshot;
}
