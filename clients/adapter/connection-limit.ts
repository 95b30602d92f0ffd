import { isIPv4, type Socket } from 'node:net';
import type { Clock } from './clock';

/** How far a connection has come: to its accept, its CONNECT, or a CONNACK that accepts it. */
export type Stage = 'silent' | 'greeted' | 'connected';

/**
 * How long a connection may stay in a stage, in milliseconds, before it gives way to a newcomer that finds no free place.
 * Handshakes take some round trips, a CONNECT one invocation.
 */
const graceMs = { silent: 1_000, greeted: 5_000 } as const;

export interface PlaceLimits {
  /** Places of all addresses together. */
  total: number;
  /** Places of one address, or of one /64 network of IPv6. */
  perAddress: number;
  /** The same for an address of the loopback, behind which a proxy may stand for all clients. */
  perLoopbackAddress: number;
  clock: Clock;
}

/** Why a socket gets no place. */
export type NoPlace = 'full' | 'address';

/** What a place needs of a socket. */
export type Placed = Pick<Socket, 'remoteAddress' | 'remotePort' | 'once' | 'destroy'>;

/** Connections that hold places: all of them, or those of one address. */
class Group {
  size = 0;
  private readonly pending = { silent: new Set<Place>(), greeted: new Set<Place>() };

  get pendingCount(): number {
    return this.pending.silent.size + this.pending.greeted.size;
  }

  add(place: Place): void {
    this.size += 1;
    this.pending.silent.add(place);
  }

  advance(place: Place, stage: Stage): void {
    this.forget(place);
    if (stage !== 'connected') this.pending[stage].add(place);
  }

  remove(place: Place): void {
    this.size -= 1;
    this.forget(place);
  }

  /** A connection that has had its time without being accepted by the broker; one without CONNECT before any other. */
  overdue(now: number): Place | undefined {
    const isOverdue = (place: Place | undefined, milliseconds: number) =>
      place !== undefined && now - place.since >= milliseconds;
    const [silent] = this.pending.silent;
    if (isOverdue(silent, graceMs.silent)) return silent;
    const [greeted] = this.pending.greeted;
    return isOverdue(greeted, graceMs.greeted) ? greeted : undefined;
  }

  private forget(place: Place): void {
    this.pending.silent.delete(place);
    this.pending.greeted.delete(place);
  }
}

/** The right of one socket to be open, from its accept to its close, and until what it brought has been dealt with. */
export class Place {
  /** Runs before the socket of a connection that gives way is destroyed. */
  onGiveWay = () => {};
  /** When its stage began. */
  since: number;
  private current: Stage = 'silent';
  private isFree = false;
  private isClosed = false;
  private isHeld = false;

  constructor(private readonly props: PlaceProps) {
    this.since = props.clock.now();
    for (const group of props.groups) group.add(this);
    props.socket.once('close', () => {
      this.isClosed = true;
      this.freeIfUnused();
    });
  }

  /** Source address, or network: what the limit per address counts. */
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
    if (this.isFree) return;
    this.current = stage;
    this.since = this.props.clock.now();
    for (const group of this.props.groups) group.advance(this, stage);
  }

  /** Keeps the place beyond the close of its socket, for bytes that are not read yet, until the returned function is called. */
  hold(): () => void {
    this.isHeld = true;
    return () => {
      this.isHeld = false;
      this.freeIfUnused();
    };
  }

  giveWay(): void {
    this.free();
    this.onGiveWay();
    this.cut();
  }

  /** Ends the connection at once, below all its protocols. */
  cut(): void {
    this.props.socket.destroy();
  }

  private freeIfUnused(): void {
    if (this.isClosed && !this.isHeld) this.free();
  }

  private free(): void {
    if (this.isFree) return;
    this.isFree = true;
    for (const group of this.props.groups) group.remove(this);
    this.props.onFree();
  }
}

interface PlaceProps {
  clock: Clock;
  address: string;
  from: string;
  socket: Placed;
  groups: readonly Group[];
  onFree(): void;
}

/**
 * Counts sockets from their accept to their close, whatever becomes of the protocols above, so that no way of dying keeps a
 * place. A newcomer that finds none takes that of a connection that the broker did not accept in time.
 */
export class Places {
  private readonly all = new Group();
  private readonly byAddress = new Map<string, Group>();

  constructor(private readonly limits: PlaceLimits) {}

  get takenCount(): number {
    return this.all.size;
  }

  /** Connections that the broker has not accepted yet. */
  get pendingCount(): number {
    return this.all.pendingCount;
  }

  /** Takes a place until the socket closes. `path` is that of a socket file, whose clients have no address. */
  take(socket: Placed, path?: string): Place | NoPlace {
    const address = path ?? networkOf(socket.remoteAddress ?? '');
    const limit = path === undefined ? this.limitOf(address) : Number.POSITIVE_INFINITY;
    if (this.groupOf(address).size >= limit && !this.makeRoom(this.groupOf(address))) return 'address';
    if (this.all.size >= this.limits.total && !this.makeRoom(this.all)) return 'full';
    const own = this.groupOf(address);
    this.byAddress.set(address, own);
    const from = path ?? `${socket.remoteAddress}:${socket.remotePort}`;
    const onFree = () => this.forgetIfEmpty(address);
    return new Place({ clock: this.limits.clock, address, from, socket, groups: [this.all, own], onFree });
  }

  private groupOf(address: string): Group {
    return this.byAddress.get(address) ?? new Group();
  }

  private limitOf(address: string): number {
    return isLoopback(address) ? this.limits.perLoopbackAddress : this.limits.perAddress;
  }

  private makeRoom(group: Group): boolean {
    const place = group.overdue(this.limits.clock.now());
    place?.giveWay();
    return place !== undefined;
  }

  private forgetIfEmpty(address: string): void {
    if (this.groupOf(address).size === 0) this.byAddress.delete(address);
  }
}

/** An IPv4 address, or the /64 network of an IPv6 address: a single host has all addresses of one. */
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
