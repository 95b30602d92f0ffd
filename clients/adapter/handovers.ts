import type { Clock } from './clock';
import type { ConnectPacket } from './connect-packet';
import { farewell } from './packets';
import type { Uplink } from './uplink';

/** How long a client may take to come back after a planned end before its will is published. */
const returnMs = 30_000;

/** How long the broker may take to end a connection that said goodbye. */
const farewellMs = 5_000;

interface Parked {
  connect: ConnectPacket;
  uplink: Uplink;
  closed: Promise<void>;
}

/**
 * Keeps a planned end from looking like a lost device. The connection to the gateway of a client with a will waits for the
 * client to come back: then it says DISCONNECT, which takes the will away, and only after that the client connects anew. If
 * nobody comes, it ends without a word, and the broker publishes the will.
 */
export class Handovers {
  private readonly parked = new Map<string, Parked>();

  constructor(private readonly clock: Clock) {}

  get count(): number {
    return this.parked.size;
  }

  park(connect: ConnectPacket, uplink: Uplink): void {
    this.parked.get(connect.clientId)?.uplink.close();
    const timer = this.clock.after(returnMs, () => uplink.close());
    const closed = new Promise<void>((resolve) => uplink.gateway.once('close', () => resolve()));
    const parked = { connect, uplink, closed };
    this.parked.set(connect.clientId, parked);
    uplink.gateway.resume();
    closed.then(() => {
      timer.cancel();
      if (this.parked.get(connect.clientId) === parked) this.parked.delete(connect.clientId);
    });
  }

  /** Resolves when the broker knows that the client of this CONNECT has left its former connection on purpose. */
  async finish(connect: ConnectPacket): Promise<void> {
    const parked = this.parked.get(connect.clientId);
    // Somebody with other credentials may be anybody: the broker is to judge before the will is gone.
    if (!parked?.connect.credentials.equals(connect.credentials)) return;
    parked.uplink.write(farewell);
    parked.uplink.flush();
    const timer = this.clock.after(farewellMs, () => parked.uplink.close());
    await parked.closed;
    timer.cancel();
  }

  closeAll(): void {
    for (const { uplink } of this.parked.values()) uplink.gateway.terminate();
  }
}
