import type { Duplex } from 'node:stream';
import { Certificate, type CertificateFiles } from './adapter/certificate';
import { type Clock, systemClock } from './adapter/clock';
import { Dials } from './adapter/dials';
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
import { Refusals } from './adapter/refusals';
import { Relay, type RelayShared } from './adapter/relay';
import type { Headers } from './bearer';
import { MAX_PACKET_BYTES } from './wire';

/** When the adapter closes, how long its clients may take to leave before they are cut off. */
const drainMs = 2_000;

/** Where the gateway is, where stock MQTT clients may connect, and what each may take. */
export interface AdapterOptions {
  url: string;
  /** Plain MQTT over TCP. */
  listen?: Address;
  /** MQTT over TLS; needs `certificate`. */
  listenTls?: Address;
  /** Binary MQTT over WebSocket. */
  listenWebSocket?: WebSocketAddress;
  /** The same over TLS; needs `certificate`. */
  listenSecureWebSocket?: WebSocketAddress;
  /** Plain MQTT over a socket file. */
  listenUnix?: string;
  certificate?: CertificateFiles;
  /** Where `GET /metrics` and `GET /healthz` are answered. */
  monitor?: Address;
  /** Asked before each handshake with the gateway, for a token that its clients do not have themselves. */
  headers?: Headers;
  /** Clients at a time; 1,000 if absent. Others are closed at once. */
  maxClients?: number;
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

class RunningAdapter implements Adapter {
  port?: number;
  tlsPort?: number;
  webSocketPort?: number;
  secureWebSocketPort?: number;
  monitorPort?: number;
  private readonly metrics = new AdapterMetrics();
  private readonly shared: RelayShared;
  private readonly relays = new Set<Relay>();
  private readonly listeners: Listener[] = [];
  private readonly log: Log;
  private certificate: Certificate | undefined;
  private monitor: Listener | undefined;
  private clients = 0;
  private connections = 0;
  private isClosing = false;
  private onDrained = () => {};

  constructor(private readonly options: AdapterOptions) {
    const { url, headers = () => ({}), clock = systemClock } = options;
    this.log = options.log ?? (() => {});
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
    const { listen, listenUnix: path, monitor } = this.options;
    const { listenTls: tls, listenWebSocket: webSocket, listenSecureWebSocket: secureWebSocket } = this.options;
    if (tls || secureWebSocket) this.certificate = this.readCertificate();
    if (listen) this.port = await this.started(listenTcp(listen, this.accept));
    if (tls) this.tlsPort = await this.started(listenTls(tls, this.certificate!, this.accept));
    if (webSocket) this.webSocketPort = await this.started(listenWebSocket(webSocket, undefined, this.accept));
    if (secureWebSocket) {
      this.secureWebSocketPort = await this.started(listenWebSocket(secureWebSocket, this.certificate, this.accept));
    }
    if (path) await this.started(listenUnix(path, this.accept));
    if (monitor) await this.startMonitor(monitor);
  }

  async close(): Promise<void> {
    this.isClosing = true;
    const closed = this.allListeners.map((listener) => listener.close());
    for (const relay of this.relays) relay.shutDown();
    await this.drained();
    for (const relay of this.relays) relay.destroy();
    this.shared.handovers.closeAll();
    this.shared.dials.stop();
    this.certificate?.close();
    for (const listener of this.allListeners) listener.cut();
    await Promise.all(closed);
  }

  private get allListeners(): Listener[] {
    return this.monitor ? [...this.listeners, this.monitor] : this.listeners;
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

  private async startMonitor(at: Address): Promise<void> {
    this.monitor = await listenMonitor(at, { metrics: () => this.metricsText(), isServing: () => !this.isClosing });
    this.monitorPort = this.monitor.port;
  }

  private metricsText(): string {
    return this.metrics.text({
      clients: this.clients,
      parked: this.shared.handovers.count,
      waitingDials: this.shared.dials.waitingCount,
      certificateExpiresAt: this.certificate?.expiresAt,
    });
  }

  private readonly accept = (client: Duplex, from: string): void => {
    const connection = ++this.connections;
    const log: Log = (entry) => this.log({ connection, ...entry });
    if (this.clients >= (this.options.maxClients ?? 1_000)) this.refuse(client, from, log);
    else this.relay(client, from, log);
  };

  private relay(client: Duplex, from: string, log: Log): void {
    this.metrics.accepted.add('accepted');
    this.clients += 1;
    log({ level: 'info', message: `opened by ${from}`, details: { from } });
    const onClientGone = () => {
      this.clients -= 1;
    };
    const onGone = () => {
      this.relays.delete(relay);
      if (this.relays.size === 0) this.onDrained();
    };
    const relay = new Relay(client, this.shared, { log, onClientGone, onGone });
    this.relays.add(relay);
  }

  private refuse(client: Duplex, from: string, log: Log): void {
    this.metrics.accepted.add('refused');
    log({ level: 'warn', message: `refused ${from}: there are ${this.clients} clients already`, details: { from } });
    client.on('error', () => {}); // It may have left by itself.
    client.destroy();
  }
}
