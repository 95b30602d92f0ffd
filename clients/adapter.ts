import { Certificate, type CertificateFiles } from './adapter/certificate';
import { ClientAcceptor } from './adapter/client-acceptor';
import { type Clock, systemClock } from './adapter/clock';
import { ConnectionLimit } from './adapter/connection-limit';
import { Dials } from './adapter/dials';
import { DisconnectBackoff } from './adapter/disconnect-backoff';
import { Handovers } from './adapter/handovers';
import {
  type Address,
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
import type { RelayShared } from './adapter/relay-shared';
import type { Headers } from './bearer';
import { isLoopbackName, WebAccess } from './web-access';
import { MAX_PACKET_BYTES } from './wire';

type PageAddress = Omit<WebSocketAddress, 'access'>;

/**
 * Options of an adapter: the gateway, the listeners for MQTT clients, and the limits.
 *
 * @example
 * const options: AdapterOptions = {
 *   url: 'wss://abc123.execute-api.eu-west-1.amazonaws.com/mqtt',
 *   listen: { host: '127.0.0.1', port: 1883 },
 *   listenTls: { host: '0.0.0.0', port: 8883 },
 *   certificate: { cert: '/etc/mqtt/fullchain.pem', key: '/etc/mqtt/privkey.pem' },
 *   monitor: { host: '127.0.0.1', port: 9090 },
 *   maxClients: 5_000,
 *   localPing: true,
 *   log: ({ level, message }) => console.log(level, message),
 * };
 */
export interface AdapterOptions {
  /** WebSocket URL of the gateway, `wss://…/mqtt`. */
  url: string;
  /** Listener for MQTT over TCP. */
  listen?: Address;
  /** Listener for MQTT over TLS; needs `certificate`. */
  listenTls?: Address;
  /** Listener for MQTT over WebSocket. */
  listenWebSocket?: PageAddress;
  /** Listener for MQTT over WebSocket and TLS; needs `certificate`. */
  listenSecureWebSocket?: PageAddress;
  /** Origins of web pages that may connect over WebSocket; none by default. Clients outside browsers have no origin. */
  allowOrigins?: readonly string[];
  /** Host names of this machine for WebSocket and HTTP, besides loopback names, IP addresses and names in the certificate. */
  allowHosts?: readonly string[];
  /** Path of a socket file for MQTT. */
  listenUnix?: string;
  certificate?: CertificateFiles;
  /** Listener for `GET /metrics` and `GET /healthz`. */
  monitor?: Address;
  /** Returns headers for each handshake with the gateway, for example a token on behalf of the clients. */
  headers?: Headers;
  /** Listener for `GET /healthz` only. */
  health?: Address;
  /** Maximum number of clients; 1,000 by default. At the limit a new client evicts one that the broker has not accepted in time, or is refused. */
  maxClients?: number;
  /**
   * Maximum number of clients of one address, or of one /64 network of IPv6. By default a quarter of `maxClients`, and no limit for
   * loopback addresses, where a proxy may serve all clients.
   */
  maxClientsPerAddress?: number;
  /** Bytes of the largest packet of a client, fixed header included; 97,280 by default, which is also the maximum. */
  maxPacketBytes?: number;
  /** Maximum handshakes with the gateway per second; 50 by default. The burst is the number of one second. */
  connectRate?: number;
  /** Time limit for a successful handshake with the gateway, all attempts included, in milliseconds; 30,000 by default. */
  connectWithinMs?: number;
  /** Time limit for CONNECT, in milliseconds; 10,000 by default. */
  firstPacketMs?: number;
  /** Maximum age of a connection to the gateway in milliseconds; 7,000,000 by default, 0 leaves the end to the gateway. */
  maxAgeMs?: number;
  /** True if the adapter answers PINGREQ itself and sends one to the broker every nine minutes. */
  localPing?: boolean;
  /** Batch window in milliseconds: packets within it share a frame. With 0, the default, it ends with the turn of the event loop. */
  batchMs?: number;
  log?: Log;
  clock?: Clock;
}

/** A running adapter, with the ports of its listeners. */
export interface Adapter {
  port?: number;
  tlsPort?: number;
  webSocketPort?: number;
  secureWebSocketPort?: number;
  monitorPort?: number;
  healthPort?: number;
  /** Stops listening, disconnects all clients, and resolves when everything is closed. */
  close(): Promise<void>;
}

/**
 * Starts an adapter: it accepts unmodified MQTT clients, and exchanges the packets of each with the gateway as text frames.
 *
 * @throws Error if a port is taken or a certificate is invalid; nothing is left listening
 *
 * @example
 * const adapter = await startAdapter({
 *   url: 'ws://127.0.0.1:8080/mqtt',
 *   listen: { host: '127.0.0.1', port: 0 },
 * });
 * console.log(`MQTT clients may connect to port ${adapter.port}`);
 * await adapter.close();
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

class RunningAdapter implements Adapter {
  port?: number;
  tlsPort?: number;
  webSocketPort?: number;
  secureWebSocketPort?: number;
  monitorPort?: number;
  healthPort?: number;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly limit: ConnectionLimit;
  private readonly shared: RelayShared;
  private readonly acceptor: ClientAcceptor;
  private readonly listeners: Listener[] = [];
  private certificate: Certificate | undefined;
  private isClosing = false;

  constructor(private readonly options: AdapterOptions) {
    const { clock = systemClock, log = () => {} } = options;
    this.clock = clock;
    this.log = log;
    this.limit = new ConnectionLimit({ ...connectionLimits(options), clock });
    this.shared = sharedBy(options, clock);
    this.acceptor = new ClientAcceptor({ limit: this.limit, shared: this.shared, log });
  }

  async start(): Promise<void> {
    const { listen, listenUnix: path, monitor, health } = this.options;
    const { listenTls: tls, listenWebSocket: webSocket, listenSecureWebSocket: secureWebSocket } = this.options;
    const { acceptor } = this;
    if (tls || secureWebSocket) this.certificate = this.readCertificate();
    if (listen) this.port = await this.started(listenTcp(listen, acceptor));
    if (tls) this.tlsPort = await this.started(listenTls(tls, this.certificate!, acceptor));
    if (webSocket) this.webSocketPort = await this.started(this.listenWebSocket(webSocket));
    if (secureWebSocket) {
      this.secureWebSocketPort = await this.started(this.listenWebSocket(secureWebSocket, this.certificate));
    }
    if (path) await this.started(listenUnix(path, acceptor));
    if (monitor) this.monitorPort = await this.started(this.listenMonitor(monitor, () => this.metricsText()));
    if (health) this.healthPort = await this.started(this.listenMonitor(health));
    this.warnOfPlainText();
  }

  async close(): Promise<void> {
    this.isClosing = true;
    const closed = this.listeners.map((listener) => listener.close());
    await this.acceptor.close();
    this.shared.handovers.closeAll();
    this.shared.dials.stop();
    this.certificate?.close();
    for (const listener of this.listeners) listener.destroyConnections();
    await Promise.all(closed);
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
    return listenWebSocket({ ...at, access: this.accessAt(at, isHost) }, certificate, this.acceptor);
  }

  private listenMonitor(at: Address, metrics?: () => string): Promise<Listener> {
    const { clock, log } = this;
    return listenMonitor(at, { metrics, isServing: () => !this.isClosing, access: this.accessAt(at), clock, log });
  }

  private accessAt({ host }: Address, isHost?: (name: string) => boolean): WebAccess {
    const { allowOrigins: origins, allowHosts = [] } = this.options;
    return new WebAccess({ hosts: [host, ...allowHosts], anyAddress: true, isHost, origins });
  }

  /** Warns if a listener that is not on the loopback transports passwords without encryption. */
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
    return this.shared.metrics.text({
      clients: this.limit.openCount,
      pending: this.limit.pendingCount,
      parked: this.shared.handovers.count,
      waitingDials: this.shared.dials.waitingCount,
      certificateExpiresAt: this.certificate?.expiresAt,
    });
  }
}

function sharedBy(options: AdapterOptions, clock: Clock): RelayShared {
  const { url, headers = () => ({}), connectRate: rate = 50, connectWithinMs: withinMs = 30_000 } = options;
  const metrics = new AdapterMetrics();
  return {
    clock,
    metrics,
    dials: new Dials({ url, headers, rate, withinMs, clock, metrics }),
    handovers: new Handovers(clock),
    disconnectBackoff: new DisconnectBackoff(clock),
    maxPacketBytes: options.maxPacketBytes ?? MAX_PACKET_BYTES,
    firstPacketMs: options.firstPacketMs ?? 10_000,
    maxAgeMs: options.maxAgeMs ?? 7_000_000,
    localPing: options.localPing ?? false,
    batchMs: options.batchMs ?? 0,
  };
}

/** The connection limits that follow from the options. */
export function connectionLimits({ maxClients: total = 1_000, maxClientsPerAddress }: Partial<AdapterOptions>) {
  const perAddress = maxClientsPerAddress ?? Math.ceil(total / 4);
  return { total, perAddress, perLoopbackAddress: maxClientsPerAddress ?? Number.POSITIVE_INFINITY };
}
