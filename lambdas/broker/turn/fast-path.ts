import { accountOf } from '../../access/identity';
import { decode } from '../../protocol/codec/decode';
import type { Effect } from '../../protocol/effects';
import { mustFit } from '../../protocol/fit-packet';
import { handlePacket } from '../../protocol/handle-packet';
import { largestPacket } from '../../protocol/limits';
import { splitPackets } from '../../protocol/packet-splitter';
import type { ClientPacket, ServerPacket } from '../../protocol/packets';
import { ProtocolError } from '../../protocol/reason-codes';
import type { SessionView } from '../../protocol/session-view';
import { type Aliases, resolveAlias } from '../../protocol/topic-alias';
import { together } from '../../shared/parallel';
import { Deliverer } from '../delivery/deliverer';
import type { ConnectionRecord } from '../model/connection';
import { type ConnectionEvent, type FrameEvent, isFrame, type ReadyFrame } from '../model/connection-event';
import { ControlMeter } from '../model/control-allowance';
import type { IncomingMessage } from '../model/delivery';
import { type PublishAllowance, spend } from '../model/publish-allowance';
import type { Snapshot } from '../model/snapshot';
import { logDenials } from '../observability/denied-log';
import { countReceived } from '../observability/metrics';
import { Dispatch } from '../outbound/dispatch';
import { lookupHeads } from '../ports/connection-store';
import type { Ports } from '../ports/ports';
import { Publisher } from '../publishing/publisher';
import { RetainedWriteWait } from '../publishing/retained-write-wait';
import { RetainedWriter } from '../publishing/retained-writer';
import type { Router } from '../topic-index/router';
import { orderFrames } from './frame-order';
import { sessionViewOf } from './session-view';
import type { ContainerState } from './turn';
import { TurnBudget } from './turn-budget';

/** PUBACKs of one quick turn, and how many of them may name a packet id that has no message: the careful turn counts those. */
const mostSettled = 128;
const mostUnknown = 8;

/**
 * A turn that holds nothing but QoS 0 messages, PUBACKs and PINGREQs, of a connection this container knows. At most once
 * allows its messages to leave beside the commit: an event that is delivered again brings no QoS 0 message a second time. A
 * PUBACK that is seen twice finds its slot empty. Returns false when the turn is not of this kind, the memory was wrong, or a
 * PUBACK is one for a QoS 2 message, which the careful turn finds again and refuses.
 */
export async function runFastPath(
  shared: ContainerState,
  router: Router,
  connectionId: string,
  events: readonly ConnectionEvent[],
): Promise<boolean> {
  const connection = shared.connections.get(connectionId);
  if (!connection || shared.ports.debugClients.has(connection.clientId)) return false; // the careful turn tells more
  if (connection.tail.length > 0 || connection.early.length > 0) return false;
  if (connection.debt) return false; // it shrinks with the time since the last turn
  const frames = events.filter(isFrame);
  if (frames.length < events.length || frames.some(({ redelivered }) => redelivered)) return false;
  const load = readLoad(shared, connection, frames);
  if (!load) return false;
  const { receiveMaximum, topicAliasMaximum = 0 } = connection.capabilities;
  if (receiveMaximum !== undefined && load.settled.length > 0) return false; // more may go to it now
  if (topicAliasMaximum > 0 && load.arrivals.length > 0) return false; // aliases are kept by the careful turn
  if (load.allowance && connection.debt === undefined) return false; // it is not known yet what the account has used
  shared.connections.delete(connectionId);
  const done = load.arrivals.length > 0 ? publish(shared, router, connection, load) : settle(shared, connection, load);
  if ((await done) === 'stale') return false;
  logDenials(shared.ports, connection, load.denied);
  countReceived(
    shared.ports.metrics,
    load.arrivals.map(({ message }) => message),
  );
  shared.connections.set(afterwards(connection, load));
  return true;
}

type Outcome = 'committed' | 'stale';

/**
 * Nothing but acknowledgements and PINGREQs: the commit itself tells whether the memory was right, so nothing is read. Should
 * all end between commit and PINGRESP, the client finds out by its own time limit, and resumes its session.
 */
async function settle({ ports, settings }: ContainerState, connection: ConnectionRecord, load: Load): Promise<Outcome> {
  if (!(await settleAll(ports, connection, load))) return 'stale'; // before the commit: after it nobody would settle them
  const committed = await ports.connectionStore.commitFrom(afterwards(connection, load), connection.lastNumber);
  if (committed === 'stale' || load.answers.length === 0) return committed;
  const dispatch = new Dispatch({ ports, settings });
  answer(dispatch, connection, load);
  await dispatch.send();
  return committed;
}

function answer(dispatch: Dispatch, connection: ConnectionRecord, { answers }: Load): void {
  const { connectionId, version, capabilities } = connection;
  for (const packet of answers) {
    const { bytes } = mustFit(packet, version, largestPacket(capabilities));
    dispatch.outbox.respond(connectionId, () => bytes);
  }
}

/**
 * One read tells whether all that is remembered is right; then the messages leave, and the commit beside them. What is retained
 * leaves before the commit, which tells other writers of its topic that it has left.
 */
async function publish(
  shared: ContainerState,
  router: Router,
  connection: ConnectionRecord,
  load: Load,
): Promise<Outcome> {
  const { ports, settings } = shared;
  const { arrivals } = load;
  const [{ connection: stored, heads }, isSettled] = await together([
    lookUp(ports, router, connection.connectionId, arrivals),
    settleAll(ports, connection, load),
  ]);
  if (!isSettled || !stored || !isSame(stored, connection)) return 'stale';
  const dispatch = new Dispatch({ ports, settings });
  const turn = { connectionId: connection.connectionId, number: load.lastNumber };
  const retainedWait = new RetainedWriteWait(ports);
  const retainedWriter = new RetainedWriter({ ports, settings, dispatch, retainedWait, turn: () => turn });
  const deliverer = new Deliverer({ ports, settings, dispatch });
  const publisher = new Publisher({ ports, settings, router, deliverer, retainedWriter });
  await publisher.publish(arrivals, heads);
  answer(dispatch, connection, load);
  const sent = dispatch.send(); // on its way before the commit
  if (arrivals.some(isRetained)) await sent;
  await together([sent, ports.connectionStore.commit(afterwards(connection, load), connection)]);
  return 'committed';
}

/** Settles what was acknowledged; false when some of it is no QoS 1 message, which stays, or too much finds nothing. */
async function settleAll({ inflight }: Ports, { session }: ConnectionRecord, { settled }: Load): Promise<boolean> {
  if (settled.length === 0) return true;
  const { mismatched, unknown } = await inflight.acknowledge(session, settled);
  return mismatched.length === 0 && unknown <= mostUnknown;
}

function isRetained({ message }: IncomingMessage): boolean {
  return message.retain;
}

function afterwards(connection: ConnectionRecord, load: Load): ConnectionRecord {
  const { lastNumber, lastSeen, aliases, allowance } = load;
  return { ...connection, lastNumber, lastSeen, aliases, ...(allowance && { allowance }) };
}

/** Whoever is remembered as a subscriber is looked up together with what tells whether the memory is right. */
async function lookUp(
  ports: Ports,
  router: Router,
  connectionId: string,
  arrivals: readonly IncomingMessage[],
): Promise<Pick<Snapshot, 'connection' | 'heads'>> {
  if (arrivals.some(isRetained)) return { ...(await ports.connectionStore.load(connectionId)), heads: new Map() };
  const guessed = [...(router.guess(arrivals.map(({ message }) => message.topic))?.values() ?? [])];
  const clientIds = [...new Set(guessed.flatMap(({ everyone }) => everyone.map(({ clientId }) => clientId)))];
  const snapshot = ports.lookup.read(connectionId, clientIds.length > lookupHeads ? [] : clientIds);
  router.prepare(snapshot.then(({ shapes }) => shapes));
  return snapshot;
}

/** Of one connection at two times: nothing happened in between. */
export function isSame(one: ConnectionRecord, other: ConnectionRecord): boolean {
  return (
    !one.ended &&
    one.supersededAt === undefined &&
    one.lastNumber === other.lastNumber &&
    one.tail.length === 0 &&
    one.early.length === 0
  );
}

/** What a quick turn has to do. */
interface Load {
  readonly arrivals: IncomingMessage[];
  /** Packet ids of messages that are done. */
  readonly settled: number[];
  readonly answers: ServerPacket[];
  readonly denied: Extract<Effect, { do: 'deny' }>[];
  readonly lastNumber: number;
  readonly lastSeen: number;
  /** Of the client. */
  readonly account: string;
  aliases: Aliases;
  allowance: PublishAllowance | undefined;
}

/** The load of whole frames in their order, or undefined when they hold anything else. */
function readLoad(
  shared: ContainerState,
  connection: ConnectionRecord,
  frames: readonly FrameEvent[],
): Load | undefined {
  const { ready, lastNumber, early, broken } = orderFrames(connection, frames);
  if (broken || early.length > 0 || ready.length !== frames.length) return undefined;
  const lastSeen = Math.max(connection.lastSeen, ...ready.map(({ receivedAt }) => receivedAt));
  const { identity, clientId } = connection;
  const permissions = shared.ports.access.remembered(identity, clientId);
  if (!permissions || permissions === 'revoked' || lastSeen >= (identity.expiresAt ?? Number.POSITIVE_INFINITY)) {
    return undefined;
  }
  const load: Load = {
    arrivals: [],
    settled: [],
    answers: [],
    denied: [],
    lastNumber,
    lastSeen,
    account: accountOf(identity),
    aliases: connection.aliases,
    allowance: connection.allowance,
  };
  const view = sessionViewOf(connection, permissions);
  const meter = new ControlMeter(connection.control, shared.settings);
  const budget = new TurnBudget(meter, false);
  try {
    const isRead = ready.every((frame) => readFrame(shared, view, frame, load, budget));
    return isRead && meter.isNegligible && load.settled.length <= mostSettled ? load : undefined;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined; // the careful turn says it to the client
    throw error;
  }
}

function readFrame(
  shared: ContainerState,
  session: SessionView,
  frame: ReadyFrame,
  load: Load,
  budget: TurnBudget,
): boolean {
  const { packets, tail, broken } = splitPackets(Buffer.alloc(0), frame.bytes, shared.settings.maxPacketSize);
  if (broken || tail.length > 0 || frame.number === undefined || !packets.every(isQuick)) return false;
  const surroundings = { generateClientId: () => '', limits: shared.settings, now: frame.receivedAt };
  for (const [index, bytes] of packets.entries()) {
    const packet = withTopic(decode(bytes, session.version), load, shared.settings.maxTopicAliases);
    budget.take(packet, frame.receivedAt);
    if (budget.isSpent) return false;
    if (packet.cmd === 'publish')
      load.allowance = spend(load.allowance, shared.settings, { bytes: bytes.length, at: frame.receivedAt });
    for (const effect of handlePacket(packet, session, surroundings)) {
      if (effect.do === 'accept') budget.route(effect.message.topic);
      addEffect(load, effect, `${frame.eventId}.${index}`, frame.receivedAt);
    }
  }
  return true;
}

function withTopic(packet: ClientPacket, load: Load, maxTopicAliases: number): ClientPacket {
  if (packet.cmd !== 'publish') return packet;
  const resolved = resolveAlias(packet, load.aliases, maxTopicAliases);
  load.aliases = resolved.aliases;
  return resolved.packet;
}

/** By the fixed header alone: PUBACK, PINGREQ, or PUBLISH with neither of the QoS bits. */
function isQuick(packet: Buffer): boolean {
  const header = packet[0] ?? 0;
  const type = header >> 4;
  return type === 4 || type === 12 || (type === 3 && (header & 0b0110) === 0);
}

function addEffect(
  { arrivals, settled, answers, denied, account }: Load,
  effect: Effect,
  id: string,
  receivedAt: number,
): void {
  if (effect.do === 'acknowledged') settled.push(effect.packetId);
  else if (effect.do === 'send') answers.push(effect.packet);
  else if (effect.do === 'deny') denied.push(effect);
  else if (effect.do === 'accept') {
    const flags = { replay: false, attempted: false, retained: false };
    arrivals.push({ message: effect.message, id, ...flags, receivedAt, account });
  } else throw new Error(`a quick turn cannot ${effect.do}`);
}
