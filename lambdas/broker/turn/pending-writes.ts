import { accountOf } from '../../access/identity';
import type { Effect, Message } from '../../protocol/effects';
import type { Permissions } from '../../protocol/permissions';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import { inParallel, together } from '../../shared/parallel';
import { type Acknowledgement, Acknowledgements, type AckResult, inWaves } from '../delivery/acknowledgements';
import type { ConnectionRecord } from '../model/connection';
import type { IncomingMessage } from '../model/delivery';
import { connectionOf, type SessionId } from '../model/fence';
import type { Origin } from '../model/origin';
import type { HeldMessage } from '../model/queued-message';
import type { Dispatch } from '../outbound/dispatch';
import type { AckErrors } from '../ports/inflight-store';
import type { Ports } from '../ports/ports';
import type { Publisher } from '../publishing/publisher';
import type { TurnBudget } from './turn-budget';

const parallelWrites = 50;

type Release = { readonly release: number; readonly origin: Origin; readonly finding: AckResult };
type Inbound = { readonly arrival: IncomingMessage } | Release;

/** Whose packets they are, as far as it is known when it is asked for. */
export interface WritingClient {
  readonly record: () => Pick<ConnectionRecord, 'session' | 'fence' | 'identity'>;
  readonly permissions: () => Permissions;
}

/**
 * The durable work of many packets of one connection, gathered so that a batch costs as few calls as possible. Nothing
 * in it is acknowledged before `finish` has returned.
 */
export class PendingWrites {
  private held = new Map<number, HeldMessage>();
  private inbound: Inbound[] = [];
  /** Packet ids of those among `inbound` that are held messages. */
  private released = new Set<number>();
  private acknowledgements = new Acknowledgements();
  /** Packet ids of held messages that were routed or denied, and are forgotten when those that were routed have left. */
  private readonly routed = new Set<number>();
  /** Held messages that their client may no longer publish. */
  readonly denied: Extract<Effect, { do: 'deny' }>[] = [];

  constructor(
    private readonly ports: Ports,
    private readonly publisher: Publisher,
    private readonly dispatch: Dispatch,
    private readonly client: WritingClient,
    private readonly budget: TurnBudget,
  ) {}

  /** Whether nothing is gathered. */
  get isDone(): boolean {
    return this.held.size + this.inbound.length === 0 && this.acknowledgements.isEmpty;
  }

  accept(message: Message, { id, redelivered, receivedAt }: Origin): void {
    if (message.qos === 0 && redelivered) return; // at most once means at most once [v3 MQTT-4.3.1-1]
    const account = accountOf(this.client.record().identity);
    const arrival = { message, id, replay: redelivered, attempted: redelivered, retained: false, receivedAt, account };
    this.inbound.push({ arrival });
  }

  async hold(packetId: number, message: Message, { id }: Origin): Promise<void> {
    // The packet id is in use again: what was held under it has to be done with first.
    if (this.isReleasing(packetId)) {
      this.budget.step();
      await this.conclude();
    }
    this.held.set(packetId, { packetId, id, message, holder: this.client.record().fence });
  }

  release(packetId: number, origin: Origin): AckResult {
    const finding: AckResult = {};
    if (!this.isReleasing(packetId)) {
      this.inbound.push({ release: packetId, origin, finding });
      this.released.add(packetId);
    } else if (!this.isRecovery(origin)) finding.error = 'unknown'; // PUBREL said twice
    return finding;
  }

  /**
   * Whether a PUBREL for an unknown packet id may be in order, because the message was routed by an earlier attempt at this event
   * or on an earlier connection of the session, and its PUBCOMP may be lost.
   */
  private isRecovery({ redelivered }: Origin): boolean {
    const { session, fence } = this.client.record();
    return redelivered || session !== fence;
  }

  private isReleasing(packetId: number): boolean {
    return this.routed.has(packetId) || this.released.has(packetId);
  }

  acknowledge(packetId: number, acknowledgement: Acknowledgement): void {
    this.acknowledgements.add(packetId, acknowledgement);
  }

  /**
   * Makes everything gathered durable and sends it. What was held is forgotten only after its message has left, so that a
   * worker that dies before finds it again, and with it what it has put into rings and not sent; and before PUBCOMP leaves,
   * because then the client may use the packet id anew [v3 MQTT-4.3.3-2].
   */
  async conclude(): Promise<void> {
    await this.forgetRouted();
    await this.dispatch.send();
  }

  /** The same without sending what does not have to leave before anything is forgotten. */
  async forgetRouted(): Promise<void> {
    await this.finish();
    const routed = [...this.routed];
    this.routed.clear();
    if (routed.length === 0) return;
    await this.dispatch.sendMessages();
    await this.ports.inflight.removeHeld(this.client.record().session, routed);
  }

  /**
   * Makes everything gathered so far durable, independent parts side by side.
   *
   * @throws ProtocolError when that is done and an acknowledgement was of the wrong kind for its message, which is left as it was, or
   * too many named a packet id without a message.
   */
  async finish(): Promise<void> {
    if (this.isDone) return;
    const { held, inbound, acknowledgements, budget } = this;
    this.held = new Map();
    this.inbound = [];
    this.released = new Set();
    this.acknowledgements = new Acknowledgements();
    const { session } = this.client.record();
    const [outgoing, incoming] = await together([
      acknowledgements.flush(this.ports.inflight, session, budget.tolerance),
      this.takeIn(session, [...held.values()], inbound),
    ]);
    budget.spendUnknown(outgoing.unknown + incoming.unknown);
    const [packetId] = outgoing.mismatched;
    if (packetId === undefined) return;
    throw new ProtocolError(Reason.protocolError, `acknowledgement of packet id ${packetId} is of the wrong kind`); // [MQTT-4.3.2-3] [MQTT-4.3.3-3]
  }

  private async takeIn(session: SessionId, held: HeldMessage[], inbound: Inbound[]): Promise<AckErrors> {
    if (held.length > 0) await this.ports.inflight.hold(session, held);
    const known = new Map<number, HeldMessage>();
    const released = inbound.flatMap((entry) => ('release' in entry ? [entry.release] : []));
    const { left, ...misfits } = await inWaves(released, this.budget.tolerance, async (wave) => {
      const found = await this.ports.inflight.held(session, wave);
      for (const message of found) known.set(message.packetId, message);
      return { mismatched: [], unknown: wave.length - found.length };
    });
    const unread = new Set(left);
    const examined = inbound.filter((entry) => !('release' in entry && unread.has(entry.release)));
    for (const entry of inbound) {
      if ('release' in entry && unread.has(entry.release)) entry.finding.error = 'mismatched'; // no PUBCOMP for what was not looked up
    }
    if (examined.length > 0) await this.route(session, examined, known);
    return misfits;
  }

  private async route(
    session: SessionId,
    inbound: readonly Inbound[],
    known: ReadonlyMap<number, HeldMessage>,
  ): Promise<void> {
    for (const entry of inbound) {
      if ('release' in entry && !known.has(entry.release) && !this.isRecovery(entry.origin)) {
        entry.finding.error = 'unknown';
      }
    }
    const arrivals = await inParallel(inbound, parallelWrites, (entry) =>
      'arrival' in entry
        ? Promise.resolve(entry.arrival)
        : this.takeOver(session, known.get(entry.release), entry.origin),
    );
    await this.publisher.publish(inbound.flatMap((entry, index) => this.permitted(entry, arrivals[index])));
    // What was not taken over may be held by a newer connection, for which it stays.
    const taken = inbound.filter((_, index) => arrivals[index] !== undefined);
    for (const entry of taken) if ('release' in entry) this.routed.add(entry.release);
  }

  /** A held message is judged when it is released: rules may have changed since PUBREC, or its session was resumed. */
  private permitted(entry: Inbound, arrival: IncomingMessage | undefined): IncomingMessage[] {
    if (!arrival) return [];
    const { topic, qos, retain } = arrival.message;
    if (!('release' in entry) || this.client.permissions().mayPublish(topic, qos, retain)) return [arrival];
    this.denied.push({ do: 'deny', action: 'publish', topic });
    return [];
  }

  /**
   * A held message is routed in the ordered stream of the connection that holds it, so never twice at a time. What an older
   * connection holds is taken over, because that one has ended, or its last turn is over: CONNECT has waited for it. What a newer
   * one holds is another message under the same packet id.
   */
  private async takeOver(
    session: SessionId,
    held: HeldMessage | undefined,
    { redelivered, receivedAt }: Origin,
  ): Promise<IncomingMessage | undefined> {
    const { fence, identity } = this.client.record();
    if (!held || held.holder > fence) return undefined;
    const isMine = held.holder === fence;
    if (!isMine && !(await this.adopt(session, held))) return undefined;
    const { id, message } = held;
    const flags = { replay: redelivered, attempted: redelivered || !isMine, retained: false };
    return { id, message, ...flags, receivedAt, account: accountOf(identity) };
  }

  /** False when a newer connection was faster. */
  private async adopt(session: SessionId, held: HeldMessage): Promise<boolean> {
    const holder = await this.ports.connectionStore.read(connectionOf(held.holder));
    if (holder && !holder.ended && !holder.isTakenOver) {
      throw new Error(`packet id ${held.packetId} is held by ${held.holder}, which has not ended`);
    }
    return (await this.ports.inflight.adopt(session, held, this.client.record().fence)) === 'adopted';
  }
}
