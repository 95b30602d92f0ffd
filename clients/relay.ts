import type { Duplex } from 'node:stream';
import { NodeWebSocket } from './node-websocket';

/** A client that does not take its last bytes within this time is cut off. */
const LINGER_MS = 5_000;

/** API Gateway answers a handshake once its integration has, which takes up to 29 s. */
const HANDSHAKE_MS = 30_000;

interface RelayEvents {
  /** The relay stopped, and why. */
  onEnd(reason: string): void;
  /** Both of its sockets are closed. */
  onGone(): void;
}

/** One client connection and its own connection to the gateway; when one side ends, so does the other. */
export class Relay {
  private readonly gateway: NodeWebSocket;
  private ended = false;
  private openSides = 2;

  constructor(
    private readonly client: Duplex,
    url: string,
    headers: Record<string, string>,
    private readonly events: RelayEvents,
  ) {
    this.gateway = new NodeWebSocket(url, 'mqtt', { handshakeTimeout: HANDSHAKE_MS, headers });
    this.joinClient();
    this.joinGateway();
  }

  /** Ends both sides at once. */
  destroy(reason: string): void {
    this.end(reason);
    this.client.destroy();
    this.gateway.terminate();
  }

  private joinClient(): void {
    const { client, gateway } = this;
    client.on('data', (bytes: Buffer) => this.toGateway(bytes));
    client.on('drain', () => gateway.resume());
    client.on('error', (error) => this.end(`client: ${error.message}`));
    client.on('end', () => this.clientLeft());
    client.on('close', () => {
      this.clientLeft();
      this.sideClosed();
    });
  }

  private joinGateway(): void {
    const { client, gateway } = this;
    gateway.on('message', (bytes: Buffer) => {
      if (!this.ended && !client.write(bytes)) gateway.pause();
    });
    gateway.on('drain', () => client.resume());
    gateway.on('error', (error) => this.end(error.message));
    gateway.on('close', (code) => {
      this.gatewayLeft(code);
      this.sideClosed();
    });
  }

  private toGateway(bytes: Buffer): void {
    if (this.ended) return;
    try {
      if (!this.gateway.write(bytes)) this.client.pause();
    } catch (error) {
      this.end((error as Error).message);
      this.gateway.close();
      this.client.destroy();
    }
  }

  private clientLeft(): void {
    this.end('client left');
    this.gateway.resume(); // A paused socket would never see the answer to its close.
    this.gateway.close();
  }

  /**
   * What the broker said last, a refusing CONNACK for one, still reaches the client. It may still be writing: to close its
   * socket under its hands would throw away what it has not read yet, so it is listened to until it has left as well.
   */
  private gatewayLeft(code: number): void {
    this.end(`gateway left with ${code}`);
    const { client } = this;
    if (client.destroyed) return;
    client.resume();
    client.end();
    const timer = setTimeout(() => client.destroy(), LINGER_MS);
    client.once('end', () => client.destroy());
    client.once('close', () => clearTimeout(timer));
  }

  private end(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.events.onEnd(reason);
  }

  private sideClosed(): void {
    this.openSides -= 1;
    if (this.openSides === 0) this.events.onGone();
  }
}
