import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionLimit, ConnectionPermit, LimitReached } from './connection-limit';
import type { Acceptor } from './listeners';
import type { Log } from './log';
import { Relay } from './relay';
import type { RelayShared } from './relay-shared';

/** Time limit for the clients to close their connections when the adapter closes. */
const drainMs = 2_000;

export interface ClientAcceptorProps {
  limit: ConnectionLimit;
  shared: RelayShared;
  log: Log;
}

/** Accepts the clients of all listeners within the connection limit, and keeps a relay for each. */
export class ClientAcceptor implements Acceptor {
  private readonly relays = new Set<Relay>();
  /** Number of the last connection, for the log. */
  private lastNumber = 0;
  private onDrained = () => {};

  constructor(private readonly props: ClientAcceptorProps) {}

  get clock() {
    return this.props.shared.clock;
  }

  get log(): Log {
    return this.props.log;
  }

  admit(socket: Socket, path?: string): ConnectionPermit | undefined {
    const permit = this.props.limit.acquire(socket, path);
    if (typeof permit === 'object') return permit;
    this.props.shared.metrics.accepted.add('refused');
    const from = path ?? `${socket.remoteAddress}:${socket.remotePort}`;
    const message = `refused ${from}: ${this.describe(permit)}`;
    this.log({ connection: ++this.lastNumber, level: 'warn', message, details: { from, reason: permit } });
    return undefined;
  }

  accept(client: Duplex, permit: ConnectionPermit): void {
    const connection = ++this.lastNumber;
    const { from } = permit;
    const { shared } = this.props;
    const log: Log = (entry) => this.log({ connection, ...entry });
    shared.metrics.accepted.add('accepted');
    log({ level: 'info', message: `opened by ${from}`, details: { from } });
    const onClosed = () => this.remove(relay);
    const relay = new Relay(client, shared, { log, permit, onClosed });
    this.relays.add(relay);
  }

  /** Disconnects all clients; resolves when their connections are closed, or have been cut after a time limit. */
  async close(): Promise<void> {
    for (const relay of this.relays) relay.shutDown();
    await this.drained();
    for (const relay of this.relays) relay.destroy();
  }

  private drained(): Promise<void> {
    if (this.relays.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, drainMs);
      this.onDrained = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private remove(relay: Relay): void {
    this.relays.delete(relay);
    if (this.relays.size === 0) this.onDrained();
  }

  private describe(reached: LimitReached): string {
    if (reached === 'full') return `there are ${this.props.limit.openCount} clients already`;
    return 'its address has as many connections as one may have';
  }
}
