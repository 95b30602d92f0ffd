import type { Clock } from './clock';
import type { ConnectDetails } from './connect-packet';
import { disconnect } from './packets';
import type { Uplink } from './uplink';

/** Time limit for the reconnect of a client after a planned end; then the broker publishes its will. */
const maxReconnectMs = 30_000;

/** Time limit for the broker to close a connection after DISCONNECT. */
const maxCloseMs = 5_000;

interface Parked {
  connect: ConnectDetails;
  uplink: Uplink;
  closed: Promise<void>;
}

/**
 * Prevents that the planned end of a connection publishes the will of its client. The connection to the gateway of a client with
 * a will stays open (parked) until the client reconnects. Then the adapter sends DISCONNECT on it, which discards the will, and
 * only after that connects the client. If the client does not return, the connection is closed without DISCONNECT, and the
 * broker publishes the will.
 */
export class Handovers {
  private readonly parked = new Map<string, Parked>();

  constructor(private readonly clock: Clock) {}

  get count(): number {
    return this.parked.size;
  }

  /** Keeps the connection of a client that was disconnected as planned. */
  park(connect: ConnectDetails, uplink: Uplink): void {
    this.parked.get(connect.clientId)?.uplink.close();
    const timer = this.clock.after(maxReconnectMs, () => uplink.close());
    const closed = new Promise<void>((resolve) => uplink.gateway.once('close', () => resolve()));
    const parked = { connect, uplink, closed };
    this.parked.set(connect.clientId, parked);
    uplink.gateway.resume();
    closed.then(() => {
      timer.cancel();
      if (this.parked.get(connect.clientId) === parked) this.parked.delete(connect.clientId);
    });
  }

  /** Ends the parked connection of the client with DISCONNECT, and resolves when it is closed. */
  async finish(connect: ConnectDetails): Promise<void> {
    const parked = this.parked.get(connect.clientId);
    // With other credentials it may be another client: the broker has to authenticate it before the will is discarded.
    if (parked?.connect.credentials !== connect.credentials) return;
    parked.uplink.write(disconnect);
    parked.uplink.flush();
    // `close` would give a dead gateway another 30 seconds to respond.
    const timer = this.clock.after(maxCloseMs, () => parked.uplink.gateway.terminate());
    await parked.closed;
    timer.cancel();
  }

  closeAll(): void {
    for (const { uplink } of this.parked.values()) uplink.gateway.terminate();
  }
}
