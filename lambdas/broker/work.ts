import { accountOf } from '../access/identity';
import type { Message } from '../protocol/effects';
import { ProtocolError, Reason } from '../protocol/reason-codes';
import type { Dispatch } from './dispatch';
import { connectionOf } from './fence';
import type { Arrival } from './mail';
import { inParallel, together } from './parallel';
import type { Misfit, Ports } from './ports';
import type { Publisher } from './publish';
import type { ConnectionRecord, HeldMessage, RingItem, SessionId } from './records';
import { byPacketId, slotOf } from './ring';

const parallelWrites = 25;

/** Where a packet came from. */
export interface Origin {
  readonly eventId: string;
  /** Identity of the packet: the same when its event is delivered again. */
  readonly id: string;
  readonly redelivered: boolean;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** When API Gateway accepted the connection, milliseconds since 1970. */
  readonly connectedAt: number;
}

/** Result of a PUBREC or PUBREL, set when the work is durable: what answers it depends on it. */
export interface Finding {
  misfit?: Misfit;
}

type Release = { readonly release: number; readonly origin: Origin; readonly finding: Finding };
type Inbound = { readonly arrival: Arrival } | Release;

/** What ends an outgoing QoS 2 message: PUBCOMP after PUBREC, or a PUBREC with an error at any time. */
type Completion = 'PUBCOMP' | 'PUBREC';

/**
 * The durable work of many packets of one connection, gathered so that a batch costs as few calls as possible. Nothing
 * in it is acknowledged before `finish` has returned.
 */
export class Work {
  private held = new Map<number, HeldMessage>();
  private inbound: Inbound[] = [];
  private settled: number[] = [];
  private received = new Map<number, Finding>();
  private completed = new Map<number, Completion>();
  /** Packet ids of held messages that were routed, and are forgotten when they have left. */
  private routed: number[] = [];

  constructor(
    private readonly ports: Ports,
    private readonly publisher: Publisher,
    private readonly dispatch: Dispatch,
    private readonly owner: () => Pick<ConnectionRecord, 'session' | 'fence' | 'identity'>,
  ) {}

  accept(message: Message, { id, redelivered, receivedAt }: Origin): void {
    if (message.qos === 0 && redelivered) return; // at most once means at most once [v3 MQTT-4.3.1-1]
    const account = accountOf(this.owner().identity);
    const arrival = { message, id, replay: redelivered, attempted: redelivered, retained: false, receivedAt, account };
    this.inbound.push({ arrival });
  }

  async hold(packetId: number, message: Message, { id }: Origin): Promise<void> {
    // The packet id is in use again: what was held under it has to be done with first.
    if (this.isReleasing(packetId)) await this.conclude();
    this.held.set(packetId, { packetId, id, message, holder: this.owner().fence });
  }

  release(packetId: number, origin: Origin): Finding {
    const finding: Finding = {};
    if (!this.isReleasing(packetId)) this.inbound.push({ release: packetId, origin, finding });
    else if (!this.isRecovery(origin)) finding.misfit = 'unknown'; // PUBREL said twice
    return finding;
  }

  /**
   * Whether a PUBREL for an unknown packet id may be in order, because the message was routed by an earlier attempt at this event
   * or on an earlier connection of the session, and its PUBCOMP may be lost.
   */
  private isRecovery({ redelivered }: Origin): boolean {
    const { session, fence } = this.owner();
    return redelivered || session !== fence;
  }

  private isReleasing(packetId: number): boolean {
    if (this.routed.includes(packetId)) return true;
    return this.inbound.some((entry) => 'release' in entry && entry.release === packetId);
  }

  settle(packetId: number): void {
    this.settled.push(packetId);
  }

  async markReceived(packetId: number): Promise<Finding> {
    if (this.completed.has(packetId)) await this.finish();
    const finding = this.received.get(packetId) ?? {};
    this.received.set(packetId, finding);
    return finding;
  }

  async complete(packetId: number, completion: Completion): Promise<void> {
    if (this.received.has(packetId)) await this.finish();
    if (!this.completed.has(packetId)) this.completed.set(packetId, completion);
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
    const routed = this.routed.splice(0);
    if (routed.length === 0) return;
    await this.dispatch.sendMessages();
    await this.ports.inflight.forget(this.owner().session, routed);
  }

  /**
   * Makes everything gathered so far durable, independent parts side by side.
   *
   * @throws ProtocolError when that is done and an acknowledgement was of the wrong kind for its message, which is left as it was.
   */
  async finish(): Promise<void> {
    const { held, inbound, settled, received, completed } = this;
    if (held.size + inbound.length + settled.length + received.size + completed.size === 0) return;
    this.held = new Map();
    this.inbound = [];
    this.settled = [];
    this.received = new Map();
    this.completed = new Map();
    const { session } = this.owner();
    const mismatches = await together([
      settled.length > 0 ? this.ports.inflight.settle(session, settled) : [],
      received.size > 0 ? this.markAll(session, received) : [],
      completed.size > 0 ? this.completeAll(session, completed) : [],
      this.takeIn(session, [...held.values()], inbound).then(() => []),
    ]);
    const [packetId] = mismatches.flat();
    if (packetId === undefined) return;
    throw new ProtocolError(Reason.protocolError, `acknowledgement of packet id ${packetId} is of the wrong kind`); // [MQTT-4.3.2-3] [MQTT-4.3.3-3]
  }

  private async takeIn(session: SessionId, held: HeldMessage[], inbound: Inbound[]): Promise<void> {
    if (held.length > 0) await this.ports.inflight.hold(session, held);
    if (inbound.length === 0) return;
    const released = inbound.flatMap((entry) => ('release' in entry ? [entry.release] : []));
    const messages = released.length > 0 ? await this.ports.inflight.held(session, released) : [];
    const known = new Map(messages.map((message) => [message.packetId, message]));
    for (const entry of inbound) {
      if ('release' in entry && !known.has(entry.release) && !this.isRecovery(entry.origin)) {
        entry.finding.misfit = 'unknown';
      }
    }
    const arrivals = await inParallel(inbound, parallelWrites, (entry) =>
      'arrival' in entry
        ? Promise.resolve(entry.arrival)
        : this.takeOver(session, known.get(entry.release), entry.origin),
    );
    await this.publisher.publish(arrivals.filter((arrival) => arrival !== undefined));
    // What was not taken over may be held by a newer connection, for which it stays.
    const taken = inbound.filter((_, index) => arrivals[index] !== undefined);
    this.routed.push(...taken.flatMap((entry) => ('release' in entry ? [entry.release] : [])));
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
  ): Promise<Arrival | undefined> {
    const { fence, identity } = this.owner();
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
    return (await this.ports.inflight.adopt(session, held, this.owner().fence)) === 'adopted';
  }

  /** Returns packet ids of messages that expect no PUBREC. */
  private async markAll(session: SessionId, received: ReadonlyMap<number, Finding>): Promise<number[]> {
    const misfits = await this.ports.inflight.markReceived(session, [...received.keys()]);
    for (const [packetId, misfit] of misfits) Object.assign(received.get(packetId) ?? {}, { misfit });
    return [...misfits].filter(([, misfit]) => misfit === 'mismatched').map(([packetId]) => packetId);
  }

  /** The record of a QoS 2 message says that it is done before its slot is free. Returns packet ids that fit no such message. */
  private async completeAll(session: SessionId, completed: ReadonlyMap<number, Completion>): Promise<number[]> {
    const { inflight } = this.ports;
    const found = byPacketId(await inflight.readMany(session, [...completed.keys()].map(slotOf)));
    const known = [...completed].flatMap(([packetId, completion]) => {
      const item = found.get(packetId); // none, when PUBCOMP is seen twice
      return item ? [{ packetId, item, fits: completes(completion, item) }] : [];
    });
    const done = known.filter(({ fits }) => fits);
    if (done.length > 0) {
      const records = done.flatMap(({ item: { id, number } }) => (id ? [{ session, id, number, done: true }] : []));
      await inflight.putOnce(records);
      await inflight.remove(
        session,
        done.map(({ packetId }) => packetId),
      );
    }
    return known.filter(({ fits }) => !fits).map(({ packetId }) => packetId);
  }
}

function completes(completion: Completion, { qos, state }: RingItem): boolean {
  return qos === 2 && (completion === 'PUBREC' || state === 'released');
}
