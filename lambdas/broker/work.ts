import type { Message } from '../protocol/effects';
import type { Dispatch } from './dispatch';
import { connectionOf } from './fence';
import type { Arrival } from './mail';
import { inParallel } from './parallel';
import type { Ports } from './ports';
import type { Publisher } from './publish';
import type { ConnectionRecord, HeldMessage, SessionId } from './records';

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

type Inbound = { readonly arrival: Arrival } | { readonly release: number; readonly origin: Origin };

/**
 * The durable work of many packets of one connection, gathered so that a batch costs as few calls as possible. Nothing
 * in it is acknowledged before `finish` has returned.
 */
export class Work {
  private held = new Map<number, HeldMessage>();
  private inbound: Inbound[] = [];
  private settled: number[] = [];
  private received = new Set<number>();
  private completed: number[] = [];
  /** Packet ids of held messages that were routed, and are forgotten when they have left. */
  private routed: number[] = [];

  constructor(
    private readonly ports: Ports,
    private readonly publisher: Publisher,
    private readonly dispatch: Dispatch,
    private readonly owner: () => Pick<ConnectionRecord, 'session' | 'fence'>,
  ) {}

  accept(message: Message, { id, redelivered, receivedAt }: Origin): void {
    if (message.qos === 0 && redelivered) return; // at most once means at most once [v3 MQTT-4.3.1-1]
    const arrival = { message, id, replay: redelivered, attempted: redelivered, retained: false, receivedAt };
    this.inbound.push({ arrival });
  }

  async hold(packetId: number, message: Message, { id }: Origin): Promise<void> {
    // The packet id is in use again: what was held under it has to be done with first.
    if (this.isReleasing(packetId)) await this.conclude();
    this.held.set(packetId, { packetId, id, message, holder: this.owner().fence });
  }

  release(packetId: number, origin: Origin): void {
    if (this.isReleasing(packetId)) return; // PUBREL said twice
    this.inbound.push({ release: packetId, origin });
  }

  private isReleasing(packetId: number): boolean {
    if (this.routed.includes(packetId)) return true;
    return this.inbound.some((entry) => 'release' in entry && entry.release === packetId);
  }

  settle(packetId: number): void {
    this.settled.push(packetId);
  }

  async markReceived(packetId: number): Promise<void> {
    if (this.completed.includes(packetId)) await this.finish();
    this.received.add(packetId);
  }

  async complete(packetId: number): Promise<void> {
    if (this.received.has(packetId)) await this.finish();
    this.completed.push(packetId);
  }

  /**
   * Makes everything gathered durable and sends it. What was held is forgotten only after its message has left, so that a
   * worker that dies before finds it again, and with it what it has put into rings and not sent; and before PUBCOMP leaves,
   * because then the client may use the packet id anew [v3 MQTT-4.3.3-2].
   */
  async conclude(): Promise<void> {
    await this.finish();
    const routed = this.routed.splice(0);
    if (routed.length > 0) {
      await this.dispatch.sendMessages();
      await this.ports.inflight.forget(this.owner().session, routed);
    }
    await this.dispatch.send();
  }

  /** Makes everything gathered so far durable, independent parts side by side. */
  async finish(): Promise<void> {
    const { held, inbound, settled, received, completed } = this;
    if (held.size + inbound.length + settled.length + received.size + completed.length === 0) return;
    this.held = new Map();
    this.inbound = [];
    this.settled = [];
    this.received = new Set();
    this.completed = [];
    const { inflight } = this.ports;
    const { session } = this.owner();
    await Promise.all([
      this.takeIn(session, [...held.values()], inbound),
      settled.length > 0 ? inflight.remove(session, settled) : undefined,
      received.size > 0 ? inflight.markReceived(session, [...received]) : undefined,
      completed.length > 0 ? this.completeAll(session, completed) : undefined,
    ]);
  }

  private async takeIn(session: SessionId, held: HeldMessage[], inbound: Inbound[]): Promise<void> {
    if (held.length > 0) await this.ports.inflight.hold(session, held);
    if (inbound.length === 0) return;
    const released = inbound.flatMap((entry) => ('release' in entry ? [entry.release] : []));
    const messages = released.length > 0 ? await this.ports.inflight.held(session, released) : [];
    const byPacketId = new Map(messages.map((message) => [message.packetId, message]));
    const arrivals = await inParallel(inbound, parallelWrites, (entry) =>
      'arrival' in entry
        ? Promise.resolve(entry.arrival)
        : this.takeOver(session, byPacketId.get(entry.release), entry.origin),
    );
    await this.publisher.publish(arrivals.filter((arrival) => arrival !== undefined));
    this.routed.push(...released);
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
    const { fence } = this.owner();
    if (!held || held.holder > fence) return undefined;
    const isMine = held.holder === fence;
    if (!isMine && !(await this.adopt(session, held))) return undefined;
    const { id, message } = held;
    return { id, message, replay: redelivered, attempted: redelivered || !isMine, retained: false, receivedAt };
  }

  /** False when a newer connection was faster. */
  private async adopt(session: SessionId, held: HeldMessage): Promise<boolean> {
    const holder = await this.ports.connectionStore.read(connectionOf(held.holder));
    if (holder && !holder.ended && holder.supersededAt === undefined) {
      throw new Error(`packet id ${held.packetId} is held by ${held.holder}, which has not ended`);
    }
    return (await this.ports.inflight.adopt(session, held, this.owner().fence)) === 'adopted';
  }

  /** The record of a QoS 2 message says that it is done before its slot is free. */
  private async completeAll(session: SessionId, packetIds: readonly number[]): Promise<void> {
    const { inflight } = this.ports;
    const items = await inflight.readMany(session, packetIds);
    const done = items.flatMap(({ id, number }) => (id ? [{ session, id, number, done: true }] : []));
    if (done.length > 0) await inflight.putOnce(done);
    await inflight.remove(session, packetIds);
  }
}
