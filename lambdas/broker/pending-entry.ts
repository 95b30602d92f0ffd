import { decode } from '../protocol/codec/decode';
import type { Authentication } from '../protocol/handle-packet';
import { largestConnect } from '../protocol/limits';
import type { ConnectPacket } from '../protocol/packets';
import type { ConnectionStore, PendingConnection } from './ports';

/** Frames that a client may need until it is let in; each of them may write all that is kept. */
const mostFrames = 8;

/** A connection on its way in, from one invocation to the next. */
export class PendingEntry {
  /** CONNECT as it arrived in this turn. */
  connect: { readonly packet: ConnectPacket; readonly bytes: Buffer } | undefined;
  private exchange: PendingConnection['exchange'];

  constructor(
    private readonly store: Pick<ConnectionStore, 'putPending' | 'remove'>,
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
  async keep(received: Pick<PendingConnection, 'lastNumber' | 'tail' | 'early'>): Promise<boolean> {
    const { lastNumber, tail, early } = received;
    const bytes = tail.length + early.reduce((sum, frame) => sum + frame.bytes.length, 0);
    if (lastNumber + early.length > mostFrames || bytes > largestConnect) return false;
    const { stored, exchange, connectionId } = this;
    const isNew = exchange !== stored?.exchange || lastNumber !== (stored?.lastNumber ?? 0) || bytes > 0;
    if (!isNew) return true;
    const proved = stored?.proved && { proved: stored.proved };
    await this.store.putPending({ connectionId, ...received, ...proved, ...(exchange && { exchange }) });
    return true;
  }

  /** The client will not come in. */
  async drop(): Promise<void> {
    if (this.stored) await this.store.remove(this.connectionId);
  }
}
