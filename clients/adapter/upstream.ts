import type { NodeWebSocket } from '../node-websocket';
import type { Clock } from './clock';
import type { DialError, DialEvents, Dials } from './dials';
import type { AdapterMetrics } from './metrics';
import { Uplink } from './uplink';

/** Maximum bytes that wait for the handshake with the gateway before the client is paused. */
const maxHeldBytes = 16_384;

export interface UpstreamProps {
  dials: Dials;
  batchMs: number;
  clock: Clock;
  metrics: AdapterMetrics;
  events: UpstreamEvents;
}

export interface UpstreamEvents extends Pick<DialEvents, 'onRetry' | 'onFail'> {
  /** The handshake has succeeded, and the held packets have been sent. */
  onOpen(): void;
  /** Bytes of whole packets have arrived from the broker. */
  onBytes(bytes: Buffer): void;
  /** The gateway accepts more packets. */
  onDrain(): void;
  onError(error: Error): void;
  onClose(code: number): void;
}

/** The connection of one client to the gateway. It holds packets back until the handshake has succeeded. */
export class Upstream {
  private uplink: Uplink | undefined;
  private held: Buffer[] = [];
  private heldBytes = 0;
  private cancelDial = () => {};

  constructor(private readonly props: UpstreamProps) {}

  /** True from the handshake on, also after its end. */
  get isOpen(): boolean {
    return this.uplink !== undefined;
  }

  /** True if the client should be paused. */
  get isFull(): boolean {
    return this.uplink ? this.uplink.isFull : this.heldBytes > maxHeldBytes;
  }

  /** @param address group of the client in the rate limit for handshakes */
  dial(address: string): void {
    const { dials, events } = this.props;
    let isFirst = true;
    this.cancelDial = dials.dial(address, {
      onOpen: (gateway) => this.open(gateway),
      onRetry: (error: DialError, pauseMs: number) => {
        if (isFirst) events.onRetry(error, pauseMs);
        isFirst = false;
      },
      onFail: events.onFail,
    });
  }

  /** Takes a packet for the broker. Returns false if the client should be paused. */
  send(packet: Buffer): boolean {
    if (this.uplink) return this.uplink.write(packet);
    this.held.push(packet);
    this.heldBytes += packet.length;
    return !this.isFull;
  }

  pause(): void {
    this.uplink?.gateway.pause();
  }

  resume(): void {
    this.uplink?.gateway.resume();
  }

  /** Cancels the handshake, and drops the packets that wait for it. */
  cancel(): void {
    this.cancelDial();
    this.held = [];
  }

  /** Closes the connection after all packets. */
  close(): void {
    this.uplink?.close();
  }

  /** Ends the connection at once. */
  terminate(): void {
    this.uplink?.gateway.terminate();
  }

  /** Hands the open connection over, after all packets have been sent; this object then does not close it any more. */
  detach(): Uplink | undefined {
    const { uplink } = this;
    this.uplink = undefined;
    uplink?.flush();
    return uplink;
  }

  private open(gateway: NodeWebSocket): void {
    const { batchMs, clock, metrics, events } = this.props;
    const uplink = new Uplink({ gateway, batchMs, clock, metrics });
    this.uplink = uplink;
    gateway.on('message', (bytes: Buffer) => {
      uplink.countFrames();
      events.onBytes(bytes);
    });
    gateway.on('drain', events.onDrain);
    gateway.on('error', events.onError);
    gateway.on('close', events.onClose);
    for (const packet of this.held.splice(0)) uplink.write(packet);
    uplink.flush(); // CONNECT does not wait for a batch.
    events.onOpen();
  }
}
