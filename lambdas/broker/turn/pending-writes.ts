import { accountOf } from '../../access/identity';
import type { Message } from '../../protocol/effects';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import { inParallel, together } from '../../shared/parallel';
import { type Acknowledgement, Acknowledgements, type AckResult, inWaves } from '../delivery/acknowledgements';
import type { SessionItems } from '../delivery/deliverer';
import type { IncomingMessage } from '../model/delivery';
import { connectionOf } from '../model/fence';
import type { Origin } from '../model/origin';
import type { HeldMessage } from '../model/queued-message';
import type { Dispatch } from '../outbound/dispatch';
import type { AckErrors } from '../ports/inflight-store';
import type { Ports } from '../ports/ports';
import type { Publisher } from '../publishing/publisher';
import type { ConnectionState } from './connection-state';

const parallelWrites = 50;

type Release = { readonly release: number; readonly origin: Origin; readonly result: AckResult };
type Inbound = { readonly incoming: IncomingMessage } | Release;

/** Collaborators of the turn whose writes are gathered. */
interface PendingWritesProps {
  readonly ports: Ports;
  readonly publisher: Publisher;
  readonly dispatch: Dispatch;
  readonly state: ConnectionState;
}

/**
 * Durable work of the packets of one turn, gathered so that many packets cost as few calls as possible. No packet may be
 * acknowledged before `flush` has returned.
 */
export class PendingWrites {
  private held = new Map<number, HeldMessage>();
  private inbound: Inbound[] = [];
  /** Packet ids of those among `inbound` that are held messages. */
  private released = new Set<number>();
  private acknowledgements = new Acknowledgements();
  /** Packet ids of held messages that were routed or denied. They are removed when the routed ones have been sent. */
  private readonly routed = new Set<number>();

  constructor(private readonly props: PendingWritesProps) {}

  get isEmpty(): boolean {
    return this.held.size + this.inbound.length === 0 && this.acknowledgements.isEmpty;
  }

  /** Messages of QoS 0 and 1 that are not published yet. */
  get messages(): IncomingMessage[] {
    return this.inbound.flatMap((entry) => ('incoming' in entry ? [entry.incoming] : []));
  }

  /** Number of packet ids that acknowledgements name. */
  get acknowledged(): number {
    return this.acknowledgements.size;
  }

  /** Gathers a message of QoS 0 or 1. */
  accept(message: Message, { id, redelivered, receivedAt }: Origin): void {
    if (message.qos === 0 && redelivered) return; // at most once, also when the event is delivered again [v3 MQTT-4.3.1-1]
    const account = accountOf(this.props.state.current().identity);
    const flags = { replay: redelivered, attempted: redelivered, retained: false };
    this.inbound.push({ incoming: { message, id, ...flags, receivedAt, account } });
  }

  /** Gathers a QoS 2 message, which is held until PUBREL. */
  async hold(packetId: number, message: Message, { id }: Origin): Promise<void> {
    const { state, dispatch } = this.props;
    if (this.isReleasing(packetId)) {
      // The client uses the packet id again: the message that was held under it must be gone first.
      state.budget.step();
      await this.forgetRouted();
      await dispatch.send();
    }
    this.held.set(packetId, { packetId, id, message, holder: state.current().fence });
  }

  /** Gathers a PUBREL. The result is set by `flush`. */
  release(packetId: number, origin: Origin): AckResult {
    const result: AckResult = {};
    if (!this.isReleasing(packetId)) {
      this.inbound.push({ release: packetId, origin, result });
      this.released.add(packetId);
    } else if (!this.isRecovery(origin)) result.error = 'unknown'; // a second PUBREL
    return result;
  }

  /** Gathers a PUBACK, PUBREC or PUBCOMP. */
  acknowledge(packetId: number, acknowledgement: Acknowledgement): void {
    this.acknowledgements.add(packetId, acknowledgement);
  }

  /**
   * Writes everything gathered so far, independent parts side by side. Messages are routed; the dispatch sends them.
   *
   * @param sessions Session items of subscribers that are read already; undefined if the cached connection was wrong: then nothing is
   *   routed.
   * @throws ProtocolError after the writes, if an acknowledgement was of the wrong kind for its message, which stays as it was, or too
   *   many named a packet id without a message.
   */
  async flush(sessions: Promise<SessionItems | undefined> = Promise.resolve(new Map())): Promise<void> {
    if (this.isEmpty) return;
    const { ports, state } = this.props;
    const { held, inbound, acknowledgements } = this;
    this.held = new Map();
    this.inbound = [];
    this.released = new Set();
    this.acknowledgements = new Acknowledgements();
    const { session } = state.current();
    const [outgoing, incoming] = await together([
      acknowledgements.flush(ports.inflight, session, state.budget.tolerance),
      this.takeIn([...held.values()], inbound, sessions),
    ]);
    state.budget.spendUnknown(outgoing.unknown + incoming.unknown);
    const [packetId] = outgoing.mismatched;
    if (packetId === undefined) return;
    throw new ProtocolError(Reason.protocolError, `acknowledgement of packet id ${packetId} is of the wrong kind`); // [MQTT-4.3.2-3] [MQTT-4.3.3-3]
  }

  /**
   * Removes held messages that were routed, after their messages have been sent: a worker that dies before finds them again, and with
   * them the messages that it has queued and not sent. They are removed before PUBCOMP is sent, because then the client may use the
   * packet id for another message [v3 MQTT-4.3.3-2].
   */
  async forgetRouted(): Promise<void> {
    await this.flush();
    const routed = [...this.routed];
    this.routed.clear();
    if (routed.length === 0) return;
    const { ports, dispatch, state } = this.props;
    await dispatch.sendMessages();
    await ports.inflight.removeHeld(state.current().session, routed);
  }

  /**
   * True if a PUBREL for an unknown packet id may be correct: an earlier attempt at this event, or an earlier connection of the
   * session, has routed the message, and its PUBCOMP may be lost.
   */
  private isRecovery({ redelivered }: Origin): boolean {
    const { session, fence } = this.props.state.current();
    return redelivered || session !== fence;
  }

  private isReleasing(packetId: number): boolean {
    return this.routed.has(packetId) || this.released.has(packetId);
  }

  private async takeIn(
    held: readonly HeldMessage[],
    inbound: readonly Inbound[],
    sessions: Promise<SessionItems | undefined>,
  ): Promise<AckErrors> {
    const { ports, state } = this.props;
    const { session } = state.current();
    if (held.length > 0) await ports.inflight.hold(session, held);
    const known = new Map<number, HeldMessage>();
    const released = inbound.flatMap((entry) => ('release' in entry ? [entry.release] : []));
    const { left, ...errors } = await inWaves(released, state.budget.tolerance, async (wave) => {
      const found = await ports.inflight.held(session, wave);
      for (const message of found) known.set(message.packetId, message);
      return { mismatched: [], unknown: wave.length - found.length };
    });
    const unread = new Set(left);
    for (const entry of inbound) {
      if (!('release' in entry)) continue;
      if (unread.has(entry.release))
        entry.result.error = 'mismatched'; // not looked up, so there is no PUBCOMP
      else if (!known.has(entry.release) && !this.isRecovery(entry.origin)) entry.result.error = 'unknown';
    }
    const examined = inbound.filter((entry) => !('release' in entry && unread.has(entry.release)));
    const items = examined.length > 0 ? await sessions : undefined;
    if (items) await this.route(examined, known, items);
    return errors;
  }

  private async route(
    inbound: readonly Inbound[],
    known: ReadonlyMap<number, HeldMessage>,
    sessions: SessionItems,
  ): Promise<void> {
    const messages = await inParallel(inbound, parallelWrites, (entry) =>
      'incoming' in entry ? Promise.resolve(entry.incoming) : this.takeHeld(known.get(entry.release), entry.origin),
    );
    const permitted = inbound.flatMap((entry, index) => this.permitted(entry, messages[index]));
    await this.props.publisher.publish(permitted, sessions);
    // A message that a newer connection holds was not taken, and stays for that connection.
    const taken = inbound.filter((_, index) => messages[index] !== undefined);
    for (const entry of taken) if ('release' in entry) this.routed.add(entry.release);
  }

  /** A held message is authorized again at PUBREL: rules may have changed since PUBREC, or its session was resumed. */
  private permitted(entry: Inbound, incoming: IncomingMessage | undefined): IncomingMessage[] {
    if (!incoming) return [];
    const { state } = this.props;
    const { message } = incoming;
    if (!('release' in entry) || state.permitted().mayPublish(message)) return [incoming];
    state.denied.push({ do: 'deny', action: 'publish', topic: message.topic });
    return [];
  }

  /**
   * Takes a held message. It is routed in the ordered stream of the connection that holds it, so never twice at a time. A message that
   * an older connection holds is taken over, because that connection has ended, or its last turn is over: CONNECT has waited for
   * it. A newer connection holds another message under the same packet id.
   */
  private async takeHeld(
    held: HeldMessage | undefined,
    { redelivered, receivedAt }: Origin,
  ): Promise<IncomingMessage | undefined> {
    const { fence, identity } = this.props.state.current();
    if (!held || held.holder > fence) return undefined;
    const isOwn = held.holder === fence;
    if (!isOwn && !(await this.adopt(held))) return undefined;
    const { id, message } = held;
    const flags = { replay: redelivered, attempted: redelivered || !isOwn, retained: false };
    return { id, message, ...flags, receivedAt, account: accountOf(identity) };
  }

  /** Returns false if a newer connection was faster. */
  private async adopt(held: HeldMessage): Promise<boolean> {
    const { ports, state } = this.props;
    const { session, fence } = state.current();
    const holder = await ports.connectionStore.read(connectionOf(held.holder));
    if (holder && !holder.ended && !holder.isTakenOver) {
      throw new Error(`packet id ${held.packetId} is held by ${held.holder}, which has not ended`);
    }
    return (await ports.inflight.adopt(session, held, fence)) === 'adopted';
  }
}
