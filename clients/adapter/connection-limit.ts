import { isIPv4, type Socket } from 'node:net';
import type { Clock } from './clock';

/**
 * Progress of a connection. `opened`: the socket is open. `connecting`: CONNECT has arrived. `connected`: the broker has sent a
 * CONNACK that accepts the client.
 */
export type Stage = 'opened' | 'connecting' | 'connected';

/**
 * Time in milliseconds after which a connection that is not connected may be evicted for a new one, by its stage. Handshakes
 * take a few round trips, CONNECT one invocation.
 */
const graceMs = { opened: 1_000, connecting: 5_000 } as const;

export interface ConnectionLimits {
  /** Connections of all addresses together. */
  total: number;
  /** Connections of one address, or of one /64 network of IPv6. */
  perAddress: number;
  /** Connections of one loopback address: a proxy there may serve all clients. */
  perLoopbackAddress: number;
  clock: Clock;
}

/** The limit that refuses a socket: of all connections, or of one address. */
export type LimitReached = 'full' | 'address';

/** The part of a socket that a permit uses. */
export type LimitedSocket = Pick<Socket, 'remoteAddress' | 'remotePort' | 'once' | 'destroy'>;

/** Open connections: all, or those of one address. */
class ConnectionGroup {
  size = 0;
  private readonly pending = { opened: new Set<ConnectionPermit>(), connecting: new Set<ConnectionPermit>() };

  get pendingCount(): number {
    return this.pending.opened.size + this.pending.connecting.size;
  }

  add(permit: ConnectionPermit): void {
    this.size += 1;
    this.pending.opened.add(permit);
  }

  advance(permit: ConnectionPermit, stage: Stage): void {
    this.removePending(permit);
    if (stage !== 'connected') this.pending[stage].add(permit);
  }

  remove(permit: ConnectionPermit): void {
    this.size -= 1;
    this.removePending(permit);
  }

  /** The oldest pending connection whose grace period is over; one without CONNECT comes first. */
  evictable(now: number): ConnectionPermit | undefined {
    const isOverdue = (permit: ConnectionPermit | undefined, milliseconds: number) =>
      permit !== undefined && now - permit.since >= milliseconds;
    const [opened] = this.pending.opened;
    if (isOverdue(opened, graceMs.opened)) return opened;
    const [connecting] = this.pending.connecting;
    return isOverdue(connecting, graceMs.connecting) ? connecting : undefined;
  }

  private removePending(permit: ConnectionPermit): void {
    this.pending.opened.delete(permit);
    this.pending.connecting.delete(permit);
  }
}

/** One of the limited connections: from the accept of a socket to its close, and until its last bytes have been read. */
export class ConnectionPermit {
  /** Called before an evicted socket is destroyed. */
  onEvict = () => {};
  /** Time at which the current stage began. */
  since: number;
  private current: Stage = 'opened';
  private isReleased = false;
  private isClosed = false;
  private isHeld = false;

  constructor(private readonly props: PermitProps) {
    this.since = props.clock.now();
    for (const group of props.groups) group.add(this);
    props.socket.once('close', () => {
      this.isClosed = true;
      this.releaseIfUnused();
    });
  }

  /** Source address or network to which the limit per address applies. */
  get address(): string {
    return this.props.address;
  }

  /** Address and port for the log. */
  get from(): string {
    return this.props.from;
  }

  get stage(): Stage {
    return this.current;
  }

  advance(stage: Stage): void {
    if (this.isReleased) return;
    this.current = stage;
    this.since = this.props.clock.now();
    for (const group of this.props.groups) group.advance(this, stage);
  }

  /** Keeps the permit after the close of its socket, for bytes that have not been read, until the returned function is called. */
  hold(): () => void {
    this.isHeld = true;
    return () => {
      this.isHeld = false;
      this.releaseIfUnused();
    };
  }

  /** Ends the connection in favour of a new one. */
  evict(): void {
    this.release();
    this.onEvict();
    this.destroySocket();
  }

  /** Ends the connection at once, below all its protocols. */
  destroySocket(): void {
    this.props.socket.destroy();
  }

  private releaseIfUnused(): void {
    if (this.isClosed && !this.isHeld) this.release();
  }

  private release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    for (const group of this.props.groups) group.remove(this);
    this.props.onRelease();
  }
}

interface PermitProps {
  clock: Clock;
  address: string;
  from: string;
  socket: LimitedSocket;
  groups: readonly ConnectionGroup[];
  onRelease(): void;
}

/**
 * Limits the number of open connections. It counts sockets from accept to close, independently of the protocols above, so that
 * no failure leaks a permit. At the limit, a new socket evicts a connection that the broker did not accept in time.
 */
export class ConnectionLimit {
  private readonly all = new ConnectionGroup();
  private readonly byAddress = new Map<string, ConnectionGroup>();

  constructor(private readonly limits: ConnectionLimits) {}

  get openCount(): number {
    return this.all.size;
  }

  /** Connections that the broker has not accepted yet. */
  get pendingCount(): number {
    return this.all.pendingCount;
  }

  /**
   * Acquires a permit until the socket closes.
   *
   * @param path of a socket file, whose clients have no address
   */
  acquire(socket: LimitedSocket, path?: string): ConnectionPermit | LimitReached {
    const address = path ?? networkOf(socket.remoteAddress ?? '');
    const limit = path === undefined ? this.limitOf(address) : Number.POSITIVE_INFINITY;
    if (this.groupOf(address).size >= limit && !this.evictFrom(this.groupOf(address))) return 'address';
    if (this.all.size >= this.limits.total && !this.evictFrom(this.all)) return 'full';
    const own = this.groupOf(address);
    this.byAddress.set(address, own);
    const from = path ?? `${socket.remoteAddress}:${socket.remotePort}`;
    const onRelease = () => this.removeIfEmpty(address);
    return new ConnectionPermit({
      clock: this.limits.clock,
      address,
      from,
      socket,
      groups: [this.all, own],
      onRelease,
    });
  }

  private groupOf(address: string): ConnectionGroup {
    return this.byAddress.get(address) ?? new ConnectionGroup();
  }

  private limitOf(address: string): number {
    return isLoopback(address) ? this.limits.perLoopbackAddress : this.limits.perAddress;
  }

  private evictFrom(group: ConnectionGroup): boolean {
    const permit = group.evictable(this.limits.clock.now());
    permit?.evict();
    return permit !== undefined;
  }

  private removeIfEmpty(address: string): void {
    if (this.groupOf(address).size === 0) this.byAddress.delete(address);
  }
}

/** An IPv4 address, or the /64 network of an IPv6 address: a single host owns all addresses of its /64. */
export function networkOf(address: string): string {
  const [, mapped] = /^::ffff:([\d.]+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (isIPv4(address) || address === '::1' || !address.includes(':')) return address;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const [front, back] = [head, tail ?? ''].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = tail === undefined ? [] : Array(8 - front!.length - back!.length).fill('0');
  return `${[...front!, ...zeros, ...back!].slice(0, 4).join(':')}::/64`;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
