import type { Effect } from '../../protocol/effects';
import type { ConnectionRecord, StoredConnection } from '../model/connection';
import type { TurnInput } from './assemble-turn';
import { confirms } from './connection-cache';
import { areWholeFrames } from './frame-order';
import type { TurnMode } from './turn-mode';

/**
 * The optimistic turn: QoS 1 messages and PUBACKs of a connection that this container remembers. It begins while the stored
 * connection is still read, and sends nothing before that confirms the cached one. Its writes do no harm when the full turn makes them
 * again.
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
    confirm: ({ tail }) => (tail.length === 0 ? { isCurrent: () => isCurrent, commit: 'after sending' } : undefined),
    mayRefuse: () => isCurrent,
  };
}

/** The effects of an optimistic turn. Every kind of effect is listed, so that a new one is classified before it compiles. */
function isOptimistic(effect: Effect): boolean {
  switch (effect.do) {
    case 'send':
    case 'deny':
    case 'acknowledged':
      return true;
    case 'accept':
      return effect.message.qos === 1;
    case 'acknowledge':
      return effect.cmd === 'puback';
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
