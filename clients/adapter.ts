import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Certificate, type CertificateFiles } from './adapter/certificate';
import { type Clock, systemClock } from './adapter/clock';
import { Dials } from './adapter/dials';
import { Handovers } from './adapter/handovers';
import {
  type Address,
  type Door,
  type Listener,
  listenTcp,
  listenTls,
  listenUnix,
  listenWebSocket,
  type WebSocketAddress,
} from './adapter/listeners';
import type { Log } from './adapter/log';
import { AdapterMetrics } from './adapter/metrics';
import { listenMonitor } from './adapter/monitor';
import { type NoPlace, type Place, Places } from './adapter/connection-limit';
import { Refusals } from './adapter/disconnect-backoff';
import { Relay, type RelayShared } from './adapter/relay';
import type { Headers } from './bearer';
import { isLoopbackName, WebAccess } from './web-access';
import { MAX_PACKET_BYTES } from './wire';

/** When the adapter closes, how long its clients may take to leave before they are cut off. */
const drainMs = 2_000;

type PageAddress = Omit<WebSocketAddress, 'access'>;

/** Where the gateway is, where stock MQTT clients may connect, and what each may take. */
export interface AdapterOptions {
  url: string;
  /** Plain MQTT over TCP. */
  listen?: Address;
  /** MQTT over TLS; needs `certificate`. */
  listenTls?: Address;
  /** Binary MQTT over WebSocket. */
  listenWebSocket?: PageAddress;
  /** The same over TLS; needs `certificate`. */
  listenSecureWebSocket?: PageAddress;
  /** Origins of pages that may connect over WebSocket; none if absent. Clients that are no browsers have no origin. */
  allowOrigins?: readonly string[];
  /** Names of this machine that clients use over WebSocket and HTTP, besides those of the loopback, addresses and certificates. */
  allowHosts?: readonly string[];
  /** Plain MQTT over a socket file. */
  listenUnix?: string;
  certificate?: CertificateFiles;
  /** Where `GET /metrics` and `GET /healthz` are answered. */
  monitor?: Address;
  /** Asked before each handshake with the gateway, for a token that its clients do not have themselves. */
  headers?: Headers;
  /** Listener that answers `GET /healthz` only. */
  health?: Address;
  /** Clients at a time; 1,000 if absent. Others are closed at once, unless a connection gives way that was not accepted. */
  maxClients?: number;
  /**
   * Clients of one address at a time, or of one /64 network of IPv6. If absent a quarter of `maxClients`, and no limit on the
   * loopback, behind which a proxy may stand for all clients.
   */
  maxClientsPerAddress?: number;
  /** Largest packet of a client in bytes, fixed header included; 97,280 if absent, which is also the most. */
  maxPacketBytes?: number;
  /** Handshakes with the gateway a second, 50 if absent; a second's worth may come at once. */
  connectRate?: number;
  /** How long a client waits for a handshake that succeeds, milliseconds; 30,000 if absent. */
  connectWithinMs?: number;
  /** How long a client may take for its CONNECT, milliseconds; 10,000 if absent. */
  firstPacketMs?: number;
  /** How old a connection to the gateway may become, milliseconds; 7,000,000 if absent, 0 leaves it to the gateway. */
  maxAgeMs?: number;
  /** Whether PINGREQ is answered here, and the broker asked every nine minutes only. */
  localPing?: boolean;
  /** How long packets wait for others to share their frame, milliseconds; 0 if absent: the turn of the event loop. */
  batchMs?: number;
  log?: Log;
  clock?: Clock;
}

/** A running adapter with the ports it got. */
export interface Adapter {
  port?: number;
  tlsPort?: number;
  webSocketPort?: number;
  secureWebSocketPort?: number;
  monitorPort?: number;
  healthPort?: number;
  /** Takes no more clients, lets those there are go, and resolves when nothing of it is left. */
  close(): Promise<void>;
}

/**
 * Lets unmodified MQTT clients talk to the gateway: each of their connections becomes one of text frames.
 *
 * @throws Error when a port is taken, or a certificate is none.
 */
export async function startAdapter(options: AdapterOptions): Promise<Adapter> {
  const adapter = new RunningAdapter(options);
  try {
    await adapter.start();
    return adapter;
  } catch (error) {
    await adapter.close();
    throw error;
  }
}

class RunningAdapter implements Adapter, Door {
  port?: number;
  tlsPort?: number;
  webSocketPort?: number;
  secureWebSocketPort?: number;
  monitorPort?: number;
  healthPort?: number;
  readonly clock: Clock;
  readonly log: Log;
  private readonly metrics = new AdapterMetrics();
  private readonly places: Places;
  private readonly shared: RelayShared;
  private readonly relays = new Set<Relay>();
  private readonly listeners: Listener[] = [];
  private certificate: Certificate | undefined;
  private connections = 0;
  private isClosing = false;
  private onDrained = () => {};

  constructor(private readonly options: AdapterOptions) {
    const { url, headers = () => ({}), clock = systemClock } = options;
    this.clock = clock;
    this.log = options.log ?? (() => {});
    this.places = new Places({ ...placeLimits(options), clock });
    const { connectRate: rate = 50, connectWithinMs: withinMs = 30_000 } = options;
    const { metrics } = this;
    this.shared = {
      clock,
      metrics,
      dials: new Dials({ url, headers, rate, withinMs, clock, metrics }),
      handovers: new Handovers(clock),
      refusals: new Refusals(clock),
      maxPacketBytes: options.maxPacketBytes ?? MAX_PACKET_BYTES,
      firstPacketMs: options.firstPacketMs ?? 10_000,
      maxAgeMs: options.maxAgeMs ?? 7_000_000,
      localPing: options.localPing ?? false,
      batchMs: options.batchMs ?? 0,
    };
  }

  async start(): Promise<void> {
    const { listen, listenUnix: path, monitor, health } = this.options;
    const { listenTls: tls, listenWebSocket: webSocket, listenSecureWebSocket: secureWebSocket } = this.options;
    if (tls || secureWebSocket) this.certificate = this.readCertificate();
    if (listen) this.port = await this.started(listenTcp(listen, this));
    if (tls) this.tlsPort = await this.started(listenTls(tls, this.certificate!, this));
    if (webSocket) this.webSocketPort = await this.started(this.listenWebSocket(webSocket));
    if (secureWebSocket) {
      this.secureWebSocketPort = await this.started(this.listenWebSocket(secureWebSocket, this.certificate));
    }
    if (path) await this.started(listenUnix(path, this));
    if (monitor) this.monitorPort = await this.started(this.listenMonitor(monitor, () => this.metricsText()));
    if (health) this.healthPort = await this.started(this.listenMonitor(health));
    this.warnOfPlainText();
  }

  async close(): Promise<void> {
    this.isClosing = true;
    const closed = this.listeners.map((listener) => listener.close());
    for (const relay of this.relays) relay.shutDown();
    await this.drained();
    for (const relay of this.relays) relay.destroy();
    this.shared.handovers.closeAll();
    this.shared.dials.stop();
    this.certificate?.close();
    for (const listener of this.listeners) listener.cut();
    await Promise.all(closed);
  }

  /** Resolves when all clients have left, or had the time to. */
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

  private readCertificate(): Certificate {
    if (!this.options.certificate) throw new Error('a TLS listener needs a certificate and its key');
    return new Certificate(this.options.certificate, this.log);
  }

  private async started(starting: Promise<Listener>): Promise<number> {
    const listener = await starting;
    this.listeners.push(listener);
    return listener.port;
  }

  private listenWebSocket(at: PageAddress, certificate?: Certificate): Promise<Listener> {
    const isHost = (name: string) => certificate?.covers(name) ?? false;
    return listenWebSocket({ ...at, access: this.accessAt(at, isHost) }, certificate, this);
  }

  private listenMonitor(at: Address, metrics?: () => string): Promise<Listener> {
    const { clock, log } = this;
    return listenMonitor(at, { metrics, isServing: () => !this.isClosing, access: this.accessAt(at), clock, log });
  }

  private accessAt({ host }: Address, isHost?: (name: string) => boolean): WebAccess {
    const { allowOrigins: origins, allowHosts = [] } = this.options;
    return new WebAccess({ hosts: [host, ...allowHosts], anyAddress: true, isHost, origins });
  }

  /** Passwords of clients in the network, in the clear. */
  private warnOfPlainText(): void {
    const { listen, listenWebSocket } = this.options;
    const open = [
      { at: listen, what: 'MQTT', instead: '--listen-tls' },
      { at: listenWebSocket, what: 'MQTT over WebSocket', instead: '--listen-wss' },
    ];
    for (const { at, what, instead } of open) {
      if (!at || isLoopbackName(at.host)) continue;
      const message = `${what} without TLS listens at ${at.host}: passwords cross the network in the clear, ${instead} encrypts them`;
      this.log({ level: 'warn', message });
    }
  }

  private metricsText(): string {
    return this.metrics.text({
      clients: this.places.takenCount,
      pending: this.places.pendingCount,
      parked: this.shared.handovers.count,
      waitingDials: this.shared.dials.waitingCount,
      certificateExpiresAt: this.certificate?.expiresAt,
    });
  }

  admit(socket: Socket, path?: string): Place | undefined {
    const place = this.places.take(socket, path);
    if (typeof place === 'object') return place;
    this.metrics.accepted.add('refused');
    const from = path ?? `${socket.remoteAddress}:${socket.remotePort}`;
    const message = `refused ${from}: ${this.reasonOf(place)}`;
    this.log({ connection: ++this.connections, level: 'warn', message, details: { from, reason: place } });
    return undefined;
  }

  accept(client: Duplex, place: Place): void {
    const connection = ++this.connections;
    const { from } = place;
    const log: Log = (entry) => this.log({ connection, ...entry });
    this.metrics.accepted.add('accepted');
    log({ level: 'info', message: `opened by ${from}`, details: { from } });
    const onGone = () => {
      this.relays.delete(relay);
      if (this.relays.size === 0) this.onDrained();
    };
    const relay = new Relay(client, this.shared, { log, place, onGone });
    this.relays.add(relay);
  }

  private reasonOf(reason: NoPlace): string {
    if (reason === 'full') return `there are ${this.places.takenCount} clients already`;
    return 'its address has as many connections as one may have';
  }
}

/** Places as the options give them. */
export function placeLimits({ maxClients: total = 1_000, maxClientsPerAddress }: Partial<AdapterOptions>) {
  const perAddress = maxClientsPerAddress ?? Math.ceil(total / 4);
  return { total, perAddress, perLoopbackAddress: maxClientsPerAddress ?? Number.POSITIVE_INFINITY };
}
