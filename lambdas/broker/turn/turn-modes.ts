import type { Effect } from '../../protocol/effects';
import type { SessionItems } from '../delivery/deliverer';
import type { ConnectionRecord, StoredConnection } from '../model/connection';
import type { IncomingMessage } from '../model/delivery';
import type { Snapshot } from '../model/snapshot';
import { maxLookupSessions } from '../ports/connection-store';
import { confirms } from './connection-cache';
import type { ConnectionState } from './connection-state';
import { areWholeFrames } from './frames';
import type { PendingWrites } from './pending-writes';
import type { TurnInput } from './turn-input';

/** A kind of turn: the effects that it may run, and how it is confirmed. All kinds run the same pipeline. */
export interface TurnMode {
  /** True if the turn may run this effect; else the turn ends without a trace, and the full turn handles the events. */
  allows(effect: Effect, state: ConnectionState): boolean;
  /** True if the turn may read tables before it is confirmed. */
  readonly mayRead: boolean;
  /** Called when all effects are known and nothing is written. Undefined: the events need the full turn. */
  confirm(state: ConnectionState, writes: PendingWrites): Confirmation | undefined;
  /** True if the turn may refuse a packet that breaks the protocol; false leaves that to the full turn. */
  mayRefuse(): Promise<boolean>;
}

/** Tells if a turn began with the right connection, and when it commits. */
export interface Confirmation {
  /** Session items of remembered subscribers, read beside the connection; undefined if the cache was wrong. Absent: none are read. */
  readonly sessions?: Promise<SessionItems | undefined>;
  /** Called when all writes are durable and before anything is sent. False if the cached connection is not the stored one. */
  isCurrent(): Promise<boolean>;
  /** Time of the commit. `confirmed`: `isCurrent` has made it. */
  readonly commit: 'after sending' | 'beside sending' | 'confirmed';
}

/**
 * Modes besides the full turn that may run an effect. They begin with a cached connection, so they may run only effects that do no harm
 * when the full turn runs them again. Every kind of effect is listed: a new one does not compile until it is classified.
 */
const allowed: { readonly [Kind in Effect['do']]: readonly ('fast' | 'optimistic')[] } = {
  send: ['fast', 'optimistic'],
  deny: ['fast', 'optimistic'],
  accept: ['fast', 'optimistic'], // QoS 0 on the fast path, QoS 1 optimistically
  acknowledged: ['fast', 'optimistic'],
  acknowledge: ['optimistic'], // PUBACK only
  hold: [],
  release: [],
  received: [],
  rejected: [],
  completed: [],
  connect: [],
  authenticate: [],
  subscribe: [],
  unsubscribe: [],
  disconnect: [],
};

/** The full turn begins with the stored connection and may run every effect. */
export const fullTurn: TurnMode = {
  allows: () => true,
  mayRead: true,
  confirm: () => ({ isCurrent: async () => true, commit: 'after sending' }),
  mayRefuse: async () => true,
};

/**
 * The optimistic turn: QoS 1 messages and PUBACKs of a connection that this container remembers. It begins while the stored
 * connection is still read, and sends nothing before that confirms the cached one.
 *
 * Returns undefined if the connection or the events need the full turn.
 */
export function optimisticTurn(
  { ports, events, reader }: TurnInput,
  cached: ConnectionRecord,
  stored: Promise<StoredConnection>,
): TurnMode | undefined {
  if (ports.debugClients.has(cached.clientId)) return undefined; // each packet is logged once
  if (!areWholeFrames(cached, events, reader.frame)) return undefined;
  const isCurrent = stored.then(({ connection }) => confirms(connection, cached));
  isCurrent.catch(() => undefined); // the turn awaits it after its own work, or never
  return {
    allows: isOptimistic,
    mayRead: true,
    confirm: ({ tail }) => (tail.length > 0 ? undefined : { isCurrent: () => isCurrent, commit: 'after sending' }),
    mayRefuse: () => isCurrent,
  };
}

function isOptimistic(effect: Effect): boolean {
  if (effect.do === 'accept') return effect.message.qos === 1;
  if (effect.do === 'acknowledge') return effect.cmd === 'puback';
  return allowed[effect.do].includes('optimistic');
}

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

function isFast(effect: Effect, state: ConnectionState): boolean {
  const { receiveMaximum, topicAliasMaximum = 0 } = state.current().capabilities;
  if (effect.do === 'accept') return effect.message.qos === 0 && topicAliasMaximum === 0; // the full turn keeps aliases
  if (effect.do === 'acknowledged') return receiveMaximum === undefined; // the full turn sends what has waited for the window
  return allowed[effect.do].includes('fast');
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
