import { decode } from '../../protocol/codec/decode';
import { maxConnectBytes } from '../../protocol/limits';
import type { ConnectPacket } from '../../protocol/packets';
import type { Authentication } from '../../protocol/session-view';
import type { PendingConnection, Takeover } from '../model/connection';
import { maxEarlyBytes, maxEarlyFrames } from '../model/connection-event';
import type { ConnectionStore } from '../ports/connection-store';
import { maxDebt } from '../session/fragment-debt';

/** Frames that a client may need until it is let in. */
const mostFrames = 8;

/** Of a client that has said nothing that was kept. */
const nothing = { exchange: undefined, takeover: undefined, lastNumber: 0, tail: Buffer.alloc(0), early: [] };

type Received = Pick<PendingConnection, 'lastNumber' | 'tail' | 'early'>;

/** A connection on its way in, from one invocation to the next. */
export class PendingConnect {
  /** CONNECT as it arrived in this turn. */
  connect: { readonly packet: ConnectPacket; readonly bytes: Buffer } | undefined;
  /** Present while the client, which may connect, waits for another connection to end. */
  takeover: Takeover | undefined;
  private exchange: PendingConnection['exchange'];

  constructor(
    private readonly store: Pick<ConnectionStore, 'putPending' | 'removePending'>,
    private readonly connectionId: string,
    readonly stored: PendingConnection | undefined,
  ) {
    this.exchange = stored?.exchange;
    this.takeover = stored?.takeover;
  }

  /** The exchange that goes on; absent before CONNECT. */
  get authentication(): Authentication | undefined {
    if (!this.exchange) return undefined;
    return { method: this.connectPacket().properties?.authenticationMethod ?? '', isPending: true };
  }

  /** The CONNECT of an authentication exchange that goes on; undefined where none does. */
  get exchangeConnect(): ConnectPacket | undefined {
    return this.exchange && this.connectPacket();
  }

  /** What the method remembers. */
  get state(): string {
    return this.exchange?.state ?? '';
  }

  /** Whether the CONNECT is known: it has arrived in this turn, or was kept. */
  get hasConnect(): boolean {
    return (this.connect ?? this.exchange ?? this.takeover) !== undefined;
  }

  /** The CONNECT that waits. */
  connectPacket(): ConnectPacket {
    const packet = decode(this.connectBytes(), undefined);
    if (packet.cmd !== 'connect') throw new Error(`connection ${this.connectionId} keeps no CONNECT`);
    return packet;
  }

  private connectBytes(): Buffer {
    const bytes = this.connect?.bytes ?? this.exchange?.connect ?? this.takeover?.connect;
    if (!bytes) throw new Error(`connection ${this.connectionId} keeps no CONNECT`);
    return bytes;
  }

  /** The client has to answer. Its password is of no use to any method, so it is not kept. */
  challenged(state: string): void {
    this.connect?.packet.password?.fill(0); // a part of the bytes
    this.exchange = { connect: this.connectBytes(), state };
  }

  /** The client is authenticated and waits for another connection to end. Its password is not needed any more. */
  awaitEnd(takeover: Omit<Takeover, 'connect'>): void {
    this.connect?.packet.password?.fill(0); // a part of the bytes
    this.takeover = { connect: this.connectBytes(), ...takeover };
    this.exchange = undefined;
  }

  /** The waiting connection itself was closed. Its CONNECT counts all the same, and so does what it has sent. */
  lose(lostAt: number): void {
    if (this.takeover && this.takeover.lostAt === undefined) this.takeover = { ...this.takeover, lostAt };
  }

  /** Keeps what came so far; false when it is more than a client may need to come in. */
  async keep(received: Received): Promise<boolean> {
    if (!(this.takeover ? fitsBehindConnect(received) : this.isAffordable(received))) return false;
    if (!this.hasNews(received)) return true; // a repeated frame must not write all of it anew
    const { stored, exchange, takeover, connectionId } = this;
    const proved = !takeover && stored?.proved && { proved: stored.proved };
    const waiting = { ...proved, ...(exchange && { exchange }), ...(takeover && { takeover }) };
    await this.store.putPending({ connectionId, ...received, ...waiting });
    return true;
  }

  /** Each frame writes all that is kept, so whoever sends more of them may have less. */
  private isAffordable({ lastNumber, tail, early }: Received): boolean {
    const frames = lastNumber + early.length;
    const kept = [tail, ...early.map(({ bytes }) => bytes), ...(this.exchange ? [this.exchange.connect] : [])];
    const bytes = kept.reduce((sum, { length }) => sum + length, 0);
    return frames <= mostFrames && bytes * Math.max(1, frames) <= maxConnectBytes;
  }

  private hasNews({ lastNumber, tail, early }: Received): boolean {
    const before = this.stored ?? nothing;
    if (this.exchange !== before.exchange || this.takeover !== before.takeover) return true;
    return (
      lastNumber !== before.lastNumber || tail.length !== before.tail.length || early.length !== before.early.length
    );
  }

  /** The client will not come in. */
  async drop(): Promise<void> {
    if (this.stored) await this.store.removePending(this.connectionId);
  }
}

/**
 * A client that is authenticated may have as much kept behind its CONNECT as one that is connected behind a lost frame. Each frame
 * writes all of it.
 */
function fitsBehindConnect({ tail, early }: Received): boolean {
  const bytes = early.reduce((sum, frame) => sum + frame.bytes.length, tail.length);
  return bytes <= maxEarlyBytes && early.length <= maxEarlyFrames && bytes * early.length <= 2 * maxDebt;
}
