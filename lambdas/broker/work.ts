import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from '../protocol/effects';
import type { Arrival } from './deliver';
import { inParallel } from './parallel';
import type { HeldMessage, Ports, SessionId } from './ports';
import type { Publisher } from './publish';

const parallelWrites = 25;

/** How long to wait for another worker that routes the same held message, in milliseconds; then the event is retried. */
const leasePatience = 5000;
const leasePause = 200;

/** Where a packet came from. */
export interface Origin {
  readonly eventId: string;
  /** Identity of the packet: the same when its event is delivered again. */
  readonly id: string;
  readonly redelivered: boolean;
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

  constructor(
    private readonly ports: Ports,
    private readonly publisher: Publisher,
    private readonly session: () => SessionId,
  ) {}

  accept(message: Message, { id, redelivered }: Origin): void {
    if (message.qos === 0 && redelivered) return; // at most once means at most once [v3 MQTT-4.3.1-1]
    this.inbound.push({ arrival: { message, id, replay: redelivered, retained: false } });
  }

  async hold(packetId: number, message: Message, { id }: Origin): Promise<void> {
    // The packet id is in use again: what was held under it has to be routed first.
    if (this.isReleasing(packetId)) await this.finish();
    this.held.set(packetId, { packetId, id, message });
  }

  release(packetId: number, origin: Origin): void {
    if (this.isReleasing(packetId)) return; // PUBREL said twice
    this.inbound.push({ release: packetId, origin });
  }

  private isReleasing(packetId: number): boolean {
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

  /** Makes everything gathered so far durable, independent parts side by side. */
  async finish(): Promise<void> {
    const { held, inbound, settled, received, completed } = this;
    this.held = new Map();
    this.inbound = [];
    this.settled = [];
    this.received = new Set();
    this.completed = [];
    const { inflight } = this.ports;
    await Promise.all([
      this.takeIn([...held.values()], inbound),
      settled.length > 0 ? inflight.remove(this.session(), settled) : undefined,
      inParallel([...received], parallelWrites, (packetId) => inflight.markReceived(this.session(), packetId)),
      completed.length > 0 ? this.completeAll(completed) : undefined,
    ]);
  }

  private async takeIn(held: HeldMessage[], inbound: Inbound[]): Promise<void> {
    if (held.length > 0) await this.ports.inflight.hold(this.session(), held);
    if (inbound.length === 0) return;
    const arrivals = await inParallel(inbound, parallelWrites, (entry) => this.arrivalOf(entry));
    await this.publisher.publish(arrivals.filter((arrival) => arrival !== undefined));
    const released = inbound.flatMap((entry) => ('release' in entry ? [entry.release] : []));
    if (released.length > 0) await this.ports.inflight.forget(this.session(), released); // [v3 MQTT-4.3.3-2]
  }

  /** A held message may be routed by one worker at a time, and by the same event again. */
  private async arrivalOf(entry: Inbound): Promise<Arrival | undefined> {
    if ('arrival' in entry) return entry.arrival;
    for (let waited = 0; waited <= leasePatience; waited += leasePause) {
      const held = await this.ports.inflight.lease(this.session(), entry.release, entry.origin.eventId);
      if (held === 'none') return undefined;
      if (held !== 'busy') {
        const { id, message } = held;
        return { id, message, replay: entry.origin.redelivered, retained: false };
      }
      await sleep(leasePause);
    }
    throw new Error(`packet id ${entry.release} is still being routed by another worker`);
  }

  /** The record of a QoS 2 message says that it is done before its slot is free. */
  private async completeAll(packetIds: readonly number[]): Promise<void> {
    const { inflight } = this.ports;
    await inParallel([...new Set(packetIds)], parallelWrites, async (packetId) => {
      const item = await inflight.read(this.session(), packetId);
      if (item?.id) await inflight.markDone(this.session(), item.id);
    });
    await inflight.remove(this.session(), packetIds);
  }
}
