import { decode } from '../protocol/codec';
import type { Effect } from '../protocol/effects';
import { handlePacket } from '../protocol/handle-packet';
import { splitPackets } from '../protocol/packet-splitter';
import { ProtocolError } from '../protocol/reason-codes';
import { type Arrival, Deliverer, type Heads } from './deliver';
import { Dispatch } from './dispatch';
import { type ConnectionEvent, type ReadyFrame, readInbox } from './inbox';
import { type ConnectionRecord, lookupHeads, type Ports } from './ports';
import { Publisher } from './publish';
import type { Router } from './router';
import type { Shared } from './turn';

/**
 * A turn that holds nothing but QoS 0 messages, of a connection this container knows. At most once allows the commit to
 * come first: it replaces the reading of the connection, because it fails when that is not as remembered, and it runs
 * beside the routing. Returns false when the turn is not of this kind; then nothing has happened.
 */
export async function quickTurn(
  shared: Shared,
  router: Router,
  connectionId: string,
  events: readonly ConnectionEvent[],
): Promise<boolean> {
  const connection = shared.connections.get(connectionId);
  if (!connection || connection.tail.length > 0 || connection.early.length > 0) return false;
  if (events.some(({ kind, redelivered }) => kind !== 'message' || redelivered)) return false;
  const arrivals = readArrivals(shared, connection, events);
  if (!arrivals) return false;
  const { ports, settings } = shared;
  const dispatch = new Dispatch(ports);
  const publisher = new Publisher(ports, settings, router, new Deliverer(ports, settings, dispatch));
  const next = { ...connection, lastNumber: arrivals.lastNumber, lastSeen: arrivals.lastSeen };
  shared.connections.delete(connectionId);
  const [committed, heads] = await Promise.all([
    ports.connectionStore.commitFrom(next, connection.lastNumber),
    lookUp(ports, router, arrivals.arrivals),
  ]);
  if (committed === 'stale') return false;
  await publisher.publish(arrivals.arrivals, heads);
  await dispatch.send();
  shared.connections.set(next);
  return true;
}

/**
 * Whoever is remembered as a subscriber is looked up together with the list of shapes, which tells whether the memory is
 * right. Where nothing is remembered, the routing itself begins.
 */
async function lookUp(ports: Ports, router: Router, arrivals: readonly Arrival[]): Promise<Heads> {
  const topics = arrivals.map(({ message }) => message.topic);
  const guessed = router.guess(topics);
  const clientIds = [...new Set(guessed?.map(({ clientId }) => clientId))];
  if (!guessed || clientIds.length > lookupHeads) {
    await router.subscribersOf(topics);
    return new Map();
  }
  const { shapes, heads } = await ports.lookup.read(clientIds);
  router.adopt(shapes);
  return heads;
}

interface QuickArrivals {
  readonly arrivals: readonly Arrival[];
  readonly lastNumber: number;
  readonly lastSeen: number;
}

function readArrivals(
  shared: Shared,
  connection: ConnectionRecord,
  events: readonly ConnectionEvent[],
): QuickArrivals | undefined {
  const { ready, lastNumber, early, broken } = readInbox(connection, events);
  if (broken || early.length > 0 || ready.length !== events.length) return undefined;
  if (ready.some(({ number }) => number === undefined)) return undefined;
  try {
    const arrivals = ready.flatMap((frame) => readFrame(shared, connection, frame) ?? [undefined]);
    if (arrivals.includes(undefined)) return undefined;
    const lastSeen = Math.max(connection.lastSeen, ...ready.map(({ receivedAt }) => receivedAt));
    return { arrivals: arrivals as Arrival[], lastNumber, lastSeen };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined; // the careful turn says it to the client
    throw error;
  }
}

/** The messages of a frame, or undefined when it holds anything but QoS 0 messages. */
function readFrame(shared: Shared, connection: ConnectionRecord, frame: ReadyFrame): Arrival[] | undefined {
  const { packets, tail, broken } = splitPackets(Buffer.alloc(0), frame.bytes);
  if (broken || tail.length > 0 || !packets.every(isTransientPublish)) return undefined;
  const surroundings = { generateClientId: () => '', limits: shared.settings };
  return packets.flatMap((packet, index) =>
    handlePacket(decode(packet, connection.version), connection, surroundings).map((effect) =>
      toArrival(effect, `${frame.eventId}.${index}`),
    ),
  );
}

/** By the fixed header alone: PUBLISH with neither of the QoS bits. */
function isTransientPublish(packet: Buffer): boolean {
  const header = packet[0] ?? 0;
  return header >> 4 === 3 && (header & 0b0110) === 0;
}

function toArrival(effect: Effect, id: string): Arrival {
  if (effect.do !== 'accept') throw new Error(`a QoS 0 message asks for ${effect.do}`);
  return { message: effect.message, id, replay: false, attempted: false, retained: false };
}
