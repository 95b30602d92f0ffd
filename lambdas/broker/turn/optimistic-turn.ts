import { firstByte } from '../../protocol/frames';
import { splitPackets } from '../../protocol/packet-splitter';
import type { ConnectionRecord, StoredConnection } from '../model/connection';
import { type ConnectionEvent, isFrame } from '../model/connection-event';
import type { Router } from '../topic-index/router';
import { isSame } from './fast-path';
import { orderFrames } from './frame-order';
import { type ContainerState, Turn } from './turn';

/**
 * A turn that begins with the connection as this container remembers it, while the stored record is still being read.
 * It may hold only what does no harm when it is done twice and nobody is told: QoS 1 messages, and acknowledgements of
 * them. Returns false when the turn is not of this kind or the memory was wrong; then the careful turn does it all.
 */
export async function runOptimisticTurn(
  shared: ContainerState,
  router: Router,
  connectionId: string,
  events: readonly ConnectionEvent[],
  stored: Promise<StoredConnection>,
): Promise<boolean> {
  const remembered = shared.connections.get(connectionId);
  if (!remembered || !isHarmless(remembered, events)) return false;
  if (shared.ports.debugClients.has(remembered.clientId)) return false; // each packet is logged once
  const stillTrue = stored.then(({ connection }) => connection !== undefined && isSame(connection, remembered));
  stillTrue.catch(() => undefined); // the turn comes to await it only after its own work, or not at all
  await new Turn(shared, router, connectionId, events, { connection: remembered }, stillTrue).run();
  return stillTrue;
}

function isHarmless(connection: ConnectionRecord, events: readonly ConnectionEvent[]): boolean {
  if (connection.tail.length > 0 || connection.early.length > 0) return false;
  const frames = events.filter(isFrame);
  if (frames.length < events.length) return false;
  if (frames.some(({ redelivered, text }) => redelivered || !isRepeatable(firstByte(text)))) return false;
  const { ready, early, broken } = orderFrames(connection, frames);
  if (broken || early.length > 0 || ready.length !== events.length) return false;
  return ready.every(({ number, bytes }) => {
    const { packets, tail, error: malformed } = splitPackets(Buffer.alloc(0), bytes);
    return (
      number !== undefined && tail.length === 0 && !malformed && packets.every(([header = 0]) => isRepeatable(header))
    );
  });
}

/** By the fixed header alone: PUBACK, or PUBLISH at QoS 1. */
function isRepeatable(header: number): boolean {
  return header >> 4 === 4 || (header >> 4 === 3 && (header & 0b0110) === 0b0010);
}
