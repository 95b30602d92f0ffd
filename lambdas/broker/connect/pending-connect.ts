import { decode } from '../../protocol/codec/decode';
import { maxConnectBytes } from '../../protocol/limits';
import type { ConnectPacket } from '../../protocol/packets';
import type { Authentication } from '../../protocol/session-view';
import type { PendingConnection, Takeover } from '../model/connection';
import { maxEarlyBytes, maxEarlyFrames } from '../model/connection-event';
import type { ConnectionStore } from '../ports/connection-store';
import { maxDebt } from '../session/fragment-debt';

/** Frames that a client may send before it is authenticated. */
const maxFrames = 8;

/** State of a client of which nothing is stored. */
const nothing = { exchange: undefined, takeover: undefined, lastNumber: 0, tail: Buffer.alloc(0), early: [] };

type Received = Pick<PendingConnection, 'lastNumber' | 'tail' | 'early'>;

/** A connection whose client is not connected yet, from one invocation to the next. */
export class PendingConnect {
  /** The CONNECT that arrived in this turn. */
  connect: { readonly packet: ConnectPacket; readonly bytes: Buffer } | undefined;
  /** Set while an authenticated client waits for another connection to end. */
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

  /** The authentication exchange that goes on; undefined where none does. */
  get authentication(): Authentication | undefined {
    if (!this.exchange) return undefined;
    return { method: this.connectPacket().properties?.authenticationMethod ?? '', isPending: true };
  }

  /** The CONNECT of an authentication exchange that goes on; undefined where none does. */
  get exchangeConnect(): ConnectPacket | undefined {
    return this.exchange && this.connectPacket();
  }

  /** State of the authentication method. */
  get state(): string {
    return this.exchange?.state ?? '';
  }

  /** True if CONNECT has arrived, in this turn or before. */
  get hasConnect(): boolean {
    return (this.connect ?? this.exchange ?? this.takeover) !== undefined;
  }

  /** Decodes the CONNECT. @throws Error if none has arrived. */
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

  /** Keeps the CONNECT until its client answers a challenge. No authentication method needs the password, so it is not stored. */
  challenged(state: string): void {
    this.connect?.packet.password?.fill(0); // a part of the bytes
    this.exchange = { connect: this.connectBytes(), state };
  }

  /** Keeps the CONNECT of an authenticated client until another connection has ended. Its password is not stored. */
  awaitEnd(takeover: Omit<Takeover, 'connect'>): void {
    this.connect?.packet.password?.fill(0); // a part of the bytes
    this.takeover = { connect: this.connectBytes(), ...takeover };
    this.exchange = undefined;
  }

  /** Notes that the waiting connection was closed. Its CONNECT and its other packets are still handled. */
  lose(lostAt: number): void {
    if (this.takeover && this.takeover.lostAt === undefined) this.takeover = { ...this.takeover, lostAt };
  }

  /** Stores what the client has sent so far. Returns false if that is more than a client may send before it is connected. */
  async keep(received: Received): Promise<boolean> {
    if (!(this.takeover ? fitsBehindConnect(received) : this.isAffordable(received))) return false;
    if (!this.hasNews(received)) return true; // a repeated frame must not write everything again
    const { stored, exchange, takeover, connectionId } = this;
    const proved = !takeover && stored?.proved && { proved: stored.proved };
    const waiting = { ...proved, ...(exchange && { exchange }), ...(takeover && { takeover }) };
    await this.store.putPending({ connectionId, ...received, ...waiting });
    return true;
  }

  /** Each frame writes everything that is kept, so a client that sends more frames may send fewer bytes. */
  private isAffordable({ lastNumber, tail, early }: Received): boolean {
    const frames = lastNumber + early.length;
    const kept = [tail, ...early.map(({ bytes }) => bytes), ...(this.exchange ? [this.exchange.connect] : [])];
    const bytes = kept.reduce((sum, { length }) => sum + length, 0);
    return frames <= maxFrames && bytes * Math.max(1, frames) <= maxConnectBytes;
  }

  private hasNews({ lastNumber, tail, early }: Received): boolean {
    const before = this.stored ?? nothing;
    if (this.exchange !== before.exchange || this.takeover !== before.takeover) return true;
    return (
      lastNumber !== before.lastNumber || tail.length !== before.tail.length || early.length !== before.early.length
    );
  }

  /** Removes what is stored: the client will not be connected. */
  async drop(): Promise<void> {
    if (this.stored) await this.store.removePending(this.connectionId);
  }
}

/**
 * True if an authenticated client has sent no more behind its CONNECT than a connected client may send behind a lost frame. Each frame
 * writes everything that is kept.
 */
function fitsBehindConnect({ tail, early }: Received): boolean {
  const bytes = early.reduce((sum, frame) => sum + frame.bytes.length, tail.length);
  return bytes <= maxEarlyBytes && early.length <= maxEarlyFrames && bytes * early.length <= 2 * maxDebt;
}
