import { decode } from '../protocol/codec/decode';
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
 * A turn that holds nothing but QoS 0 messages and PUBACKs, of a connection this container knows. At most once allows the
 * commit to come first: it replaces the reading of the connection, because it fails when that is not as remembered, and
 * it runs beside everything else. A PUBACK that is lost with its worker costs a repeated message at the next connection,
 * which QoS 1 allows; one that is seen twice finds its slot empty. Returns false when the turn is not of this kind.
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
  const load = readLoad(shared, connection, events);
  if (!load) return false;
  const { ports, settings } = shared;
  const dispatch = new Dispatch(ports);
  const publisher = new Publisher(ports, settings, router, new Deliverer(ports, settings, dispatch));
  const next = { ...connection, lastNumber: load.lastNumber, lastSeen: load.lastSeen };
  shared.connections.delete(connectionId);
  const [committed, heads] = await Promise.all([
    ports.connectionStore.commitFrom(next, connection.lastNumber),
    load.arrivals.length > 0 ? lookUp(ports, router, load.arrivals) : new Map(),
    load.settled.length > 0 ? ports.inflight.remove(connection.session, load.settled) : undefined,
  ]);
  if (committed === 'stale') return false;
  if (load.arrivals.length > 0) await publisher.publish(load.arrivals, heads);
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

/** What a quick turn has to do. */
interface Load {
  readonly arrivals: Arrival[];
  /** Packet ids of messages that are done. */
  readonly settled: number[];
  readonly lastNumber: number;
  readonly lastSeen: number;
}

/** The load of whole frames in their order, or undefined when they hold anything else. */
function readLoad(shared: Shared, connection: ConnectionRecord, events: readonly ConnectionEvent[]): Load | undefined {
  const { ready, lastNumber, early, broken } = readInbox(connection, events);
  if (broken || early.length > 0 || ready.length !== events.length) return undefined;
  const lastSeen = Math.max(connection.lastSeen, ...ready.map(({ receivedAt }) => receivedAt));
  const load: Load = { arrivals: [], settled: [], lastNumber, lastSeen };
  try {
    return ready.every((frame) => readFrame(shared, connection, frame, load)) ? load : undefined;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined; // the careful turn says it to the client
    throw error;
  }
}

function readFrame(shared: Shared, connection: ConnectionRecord, frame: ReadyFrame, load: Load): boolean {
  const { packets, tail, broken } = splitPackets(Buffer.alloc(0), frame.bytes);
  if (broken || tail.length > 0 || frame.number === undefined || !packets.every(isQuick)) return false;
  const surroundings = { generateClientId: () => '', limits: shared.settings };
  for (const [index, packet] of packets.entries()) {
    const effects = handlePacket(decode(packet, connection.version), connection, surroundings);
    for (const effect of effects) addEffect(load, effect, `${frame.eventId}.${index}`);
  }
  return true;
}

/** By the fixed header alone: PUBACK, or PUBLISH with neither of the QoS bits. */
function isQuick(packet: Buffer): boolean {
  const header = packet[0] ?? 0;
  return header >> 4 === 4 || (header >> 4 === 3 && (header & 0b0110) === 0);
}

function addEffect({ arrivals, settled }: Load, effect: Effect, id: string): void {
  if (effect.do === 'settle') settled.push(effect.packetId);
  else if (effect.do === 'accept') {
    arrivals.push({ message: effect.message, id, replay: false, attempted: false, retained: false });
  } else throw new Error(`a quick turn cannot ${effect.do}`);
}
