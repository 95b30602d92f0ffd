import { decode } from '../protocol/codec/decode';
import type { Authentication } from '../protocol/handle-packet';
import { largestConnect } from '../protocol/limits';
import type { ConnectPacket } from '../protocol/packets';
import type { ConnectionStore } from './ports';
import type { PendingConnection } from './records';

/** Frames that a client may need until it is let in. */
const mostFrames = 8;

/** Of a client that has said nothing that was kept. */
const nothing = { exchange: undefined, lastNumber: 0, early: [] };

type Received = Pick<PendingConnection, 'lastNumber' | 'tail' | 'early'>;

/** A connection on its way in, from one invocation to the next. */
export class PendingEntry {
  /** CONNECT as it arrived in this turn. */
  connect: { readonly packet: ConnectPacket; readonly bytes: Buffer } | undefined;
  private exchange: PendingConnection['exchange'];

  constructor(
    private readonly store: Pick<ConnectionStore, 'putPending' | 'removePending'>,
    private readonly connectionId: string,
    readonly stored: PendingConnection | undefined,
  ) {
    this.exchange = stored?.exchange;
  }

  /** The exchange that goes on; absent before CONNECT. */
  get authentication(): Authentication | undefined {
    if (!this.exchange) return undefined;
    return { method: this.connectPacket().properties?.authenticationMethod ?? '', isPending: true };
  }

  /** Only MQTT 5.0 has exchanges. */
  get version(): 5 | undefined {
    return this.exchange && 5;
  }

  /** What the method remembers. */
  get state(): string {
    return this.exchange?.state ?? '';
  }

  /** The CONNECT that waits. */
  connectPacket(): ConnectPacket {
    const packet = this.exchange && decode(this.exchange.connect, undefined);
    if (packet?.cmd !== 'connect') throw new Error(`connection ${this.connectionId} keeps no CONNECT`);
    return packet;
  }

  /** The client has to answer. Its password is of no use to any method, so it is not kept. */
  challenged(state: string): void {
    if (this.connect) {
      this.connect.packet.password?.fill(0); // a part of the bytes
      this.exchange = { connect: this.connect.bytes, state };
    } else if (this.exchange) this.exchange = { ...this.exchange, state };
  }

  /** Keeps what came so far; false when it is more than anybody needs to come in. */
  async keep(received: Received): Promise<boolean> {
    if (!this.isAffordable(received)) return false;
    if (!this.hasNews(received)) return true; // a repeated frame must not write all of it anew
    const { stored, exchange, connectionId } = this;
    const proved = stored?.proved && { proved: stored.proved };
    await this.store.putPending({ connectionId, ...received, ...proved, ...(exchange && { exchange }) });
    return true;
  }

  /** Each frame writes all that is kept, so whoever sends more of them may have less. */
  private isAffordable({ lastNumber, tail, early }: Received): boolean {
    const frames = lastNumber + early.length;
    const kept = [tail, ...early.map(({ bytes }) => bytes), ...(this.exchange ? [this.exchange.connect] : [])];
    const bytes = kept.reduce((sum, { length }) => sum + length, 0);
    return frames <= mostFrames && bytes * Math.max(1, frames) <= largestConnect;
  }

  /** The tail grows only with the number. */
  private hasNews({ lastNumber, early }: Received): boolean {
    const { exchange, lastNumber: before, early: earlyBefore } = this.stored ?? nothing;
    return this.exchange !== exchange || lastNumber !== before || early.length !== earlyBefore.length;
  }

  /** The client will not come in. */
  async drop(): Promise<void> {
    if (this.stored) await this.store.removePending(this.connectionId);
  }
}
