import type { Duplex } from 'node:stream';
import type { Clock, Timer } from './clock';
import type { ConnectionPermit } from './connection-limit';
import type { AdapterMetrics } from './metrics';

/** Time limit for a client to read the last bytes and to close its side. */
const lingerMs = 5_000;

export interface ClientSideProps {
  permit: ConnectionPermit;
  clock: Clock;
  metrics: AdapterMetrics;
}

/** The connection of a client: writes packets to it, and closes it so that the last packet arrives. */
export class ClientSide {
  private lingerTimer: Timer | undefined;

  constructor(
    private readonly stream: Duplex,
    private readonly props: ClientSideProps,
  ) {
    stream.on('close', () => this.lingerTimer?.cancel());
  }

  /**
   * Writes packets, each as a write of its own: over WebSocket each becomes one message, and a TCP socket sends all at once.
   * Returns false if the caller should wait for `drain`.
   */
  write(packets: readonly Buffer[]): boolean {
    let acceptsMore = true;
    this.stream.cork();
    for (const packet of packets) {
      this.props.metrics.bytes.add('down', packet.length);
      acceptsMore = this.stream.write(packet);
    }
    this.stream.uncork();
    return acceptsMore;
  }

  /** Writes the packet that tells the client why its connection ends. */
  writeReason(packet: Buffer): void {
    this.stream.write(packet);
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  /**
   * Closes the connection after all written packets. A client may still be sending: to destroy its socket now would discard
   * packets that it has not read yet, for example a refusing CONNACK. So its bytes are read, and ignored, until it closes.
   */
  close(): void {
    const { stream } = this;
    if (stream.destroyed || stream.writableEnded) return;
    stream.resume();
    stream.end();
    stream.once('end', () => stream.destroy());
  }

  /** Cuts the connection if the client does not close it in time: it would otherwise keep its permit. */
  cutAfterLinger(): void {
    if (this.stream.closed) return;
    this.lingerTimer = this.props.clock.after(lingerMs, () => {
      this.stream.destroy();
      this.props.permit.destroySocket();
    });
  }

  destroy(): void {
    this.stream.destroy();
  }
}
