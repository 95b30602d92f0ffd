import type { Effect, Message } from '../../protocol/effects';
import type { PacketContext } from '../../protocol/handle-packet';
import { shorterExpiry } from '../../protocol/packets/connect';
import { Reason } from '../../protocol/reason-codes';
import type { ConnectResult } from '../connect/connect-flow';
import type { AckResult } from '../delivery/acknowledgements';
import type { Origin } from '../model/origin';
import { holdPacketId, releasePacketId } from '../publishing/unreleased-packet-ids';
import type { Turn } from './assemble-turn';
import { lost, type Outcome } from './outcome';

type EffectOf<Kind extends Effect['do']> = Extract<Effect, { do: Kind }>;

/** Context in which the packet handlers decide. `now`: when the packet arrived, milliseconds since 1970. */
export function packetContextOf({ connectionId, settings, state, connectFlow }: Turn, now: number): PacketContext {
  const generateClientId = () => `auto-${connectionId}`; // the same when CONNECT is handled again
  const pending = state.connection ? undefined : connectFlow.authentication;
  return { generateClientId, limits: settings, now, pending };
}

/**
 * Runs one effect of a packet. Writes and responses are gathered, so that all packets of a turn share them. Returns how the
 * connection ends, if the effect ends it.
 */
export async function runEffect(turn: Turn, effect: Effect, origin: Origin): Promise<Outcome | undefined> {
  switch (effect.do) {
    case 'send':
      turn.responses.send(effect.packet);
      return undefined;
    case 'acknowledge':
      acknowledgePublish(turn, effect);
      return undefined;
    case 'deny':
      turn.state.denied.push(effect);
      return undefined;
    case 'accept':
      await accept(turn, effect.message, origin);
      return undefined;
    case 'hold':
      await hold(turn, effect, origin);
      return undefined;
    case 'release':
      await release(turn, effect.packetId, origin);
      return undefined;
    case 'acknowledged':
    case 'rejected':
    case 'completed':
      finishMessage(turn, effect);
      return undefined;
    case 'received':
      markReceived(turn, effect.packetId);
      return undefined;
    case 'connect':
      return enter(turn, await turn.connectFlow.connect(effect.request, origin));
    case 'authenticate':
      return authenticate(turn, effect.data, origin);
    case 'subscribe':
      await turn.subscriptions.subscribe({ ...effect, origin });
      return undefined;
    case 'unsubscribe':
      await turn.subscriptions.unsubscribe(effect);
      return undefined;
    case 'disconnect':
      return disconnect(turn, effect);
  }
}

/** PUBACK or PUBREC. Whether anybody has subscribed to the topic is known when the responses are sent. */
function acknowledgePublish({ state, publisher, responses }: Turn, effect: EffectOf<'acknowledge'>): void {
  const { cmd, packetId: messageId, topic } = effect;
  const { version } = state.current();
  if (cmd === 'pubrec' && version === 5) state.heldTopics.add(topic);
  responses.sendWhenDurable(() => {
    if (version !== 5) return { cmd, messageId };
    if (cmd === 'puback' && publisher.notRetained.has(topic)) {
      return { cmd, messageId, reasonCode: Reason.quotaExceeded };
    }
    const hasNone = publisher.topicsWithoutSubscribers.has(topic);
    return { cmd, messageId, ...(hasNone && { reasonCode: Reason.noMatchingSubscribers }) };
  });
}

/** A message behind a SUBSCRIBE reaches the new subscription. */
async function accept({ state, subscriptions, writes }: Turn, message: Message, origin: Origin): Promise<void> {
  state.published.push(message);
  await subscriptions.flushBetween();
  state.budget.route(message.topic);
  writes.accept(message, origin);
}

async function hold(
  { ports, settings, state, writes }: Turn,
  { packetId, message }: EffectOf<'hold'>,
  origin: Origin,
): Promise<void> {
  state.published.push(message);
  const { maxUnreleased } = settings;
  state.connection = await holdPacketId(ports, state.current(), { packetId, maxUnreleased });
  await writes.hold(packetId, message, origin);
}

async function release(turn: Turn, packetId: number, origin: Origin): Promise<void> {
  const { ports, state, subscriptions, writes } = turn;
  await subscriptions.flushBetween();
  state.connection = await releasePacketId(ports, state.current(), packetId);
  respondWith(turn, { cmd: 'pubcomp', messageId: packetId }, writes.release(packetId, origin));
}

function markReceived(turn: Turn, packetId: number): void {
  const result: AckResult = {};
  turn.writes.acknowledge(packetId, { kind: 'PUBREC', result });
  respondWith(turn, { cmd: 'pubrel', messageId: packetId }, result);
}

/** PUBACK, PUBCOMP, or PUBREC with an error: the outgoing message is finished. */
function finishMessage(
  { state, writes }: Turn,
  { do: kind, packetId }: EffectOf<'acknowledged' | 'rejected' | 'completed'>,
): void {
  if (state.current().capabilities.receiveMaximum !== undefined) state.isWindowFreed = true;
  const kinds = { acknowledged: 'PUBACK', rejected: 'rejected', completed: 'PUBCOMP' } as const;
  writes.acknowledge(packetId, { kind: kinds[kind] });
}

/**
 * PUBREL or PUBCOMP, when the result is known. An unknown packet id is answered too, or the client would wait without end. A packet
 * of the wrong kind is not.
 */
function respondWith(
  { state, responses }: Turn,
  packet: { readonly cmd: 'pubrel' | 'pubcomp'; readonly messageId: number },
  result: AckResult,
): void {
  const { version } = state.current();
  responses.sendWhenDurable(() => {
    if (result.error === 'mismatched') return undefined;
    const isUnknown = version === 5 && result.error === 'unknown';
    return { ...packet, ...(isUnknown && { reasonCode: Reason.packetIdentifierNotFound }) };
  });
}

/** AUTH: part of connecting, or reauthentication of a connected client. */
async function authenticate(turn: Turn, data: Buffer | undefined, origin: Origin): Promise<Outcome | undefined> {
  const { state, connectFlow } = turn;
  if (!state.connection) {
    const context = packetContextOf(turn, origin.receivedAt);
    return enter(turn, await connectFlow.continueAuthentication(data, origin, context));
  }
  const proved = await connectFlow.reauthenticate(state.connection, data, origin);
  state.connection = proved.connection;
  if ('permissions' in proved) state.permissions = proved.permissions;
  return undefined;
}

/** Takes over the result of a CONNECT, or of its continuation. */
export function enter({ state }: Turn, result: ConnectResult): Outcome | undefined {
  if (result === 'pending') return undefined;
  if (result === 'superseded') return { kind: 'superseded' };
  if ('uncertain' in result) {
    state.connection = result.uncertain;
    return lost;
  }
  state.connection = result.connection;
  state.permissions = result.permissions;
  state.isResumed = result.sessionPresent;
  return undefined;
}

/**
 * DISCONNECT: the will is discarded [v3 MQTT-3.14.4-3], unless the client asks for it. Packets before it are written first: an error
 * among them means that the DISCONNECT does not count.
 */
async function disconnect(turn: Turn, { withWill, sessionExpiry }: EffectOf<'disconnect'>): Promise<Outcome> {
  const { state, settings, subscriptions, writes } = turn;
  await subscriptions.flush();
  await writes.flush();
  const { connection } = state;
  if (connection && sessionExpiry !== undefined) {
    state.connection = { ...connection, sessionExpiry: shorterExpiry(sessionExpiry, settings.maxSessionExpiry) };
  }
  return { kind: 'end', withWill };
}
