import type { NodeWebSocket } from '../node-websocket';
import { MAX_FRAME_BYTES } from '../wire';
import type { Clock, Timer } from './clock';
import type { AdapterMetrics } from './metrics';

export interface UplinkProps {
  gateway: NodeWebSocket;
  /** Batch window in milliseconds; with 0 it ends with the current turn of the event loop. */
  batchMs: number;
  clock: Clock;
  metrics: AdapterMetrics;
}

/** The open connection of one client to the gateway. It collects packets for a common frame. */
export class Uplink {
  private batch: Buffer[] = [];
  private batchBytes = 0;
  private batchTimer: Timer | undefined;
  private countedFrames = 0;
  /** True until `drain` if unsent bytes are over the high-water mark. */
  isFull = false;

  constructor(private readonly props: UplinkProps) {
    props.gateway.on('drain', () => {
      this.isFull = false;
    });
  }

  get gateway(): NodeWebSocket {
    return this.props.gateway;
  }

  /** Takes a packet. Returns false if the caller should wait for `drain` of the gateway. */
  write(packet: Buffer): boolean {
    this.batch.push(packet);
    this.batchBytes += packet.length;
    if (this.props.batchMs === 0 || this.batchBytes >= MAX_FRAME_BYTES) this.flush();
    else this.batchTimer ??= this.props.clock.after(this.props.batchMs, () => this.flush());
    return !this.isFull;
  }

  /** Sends all collected packets. */
  flush(): void {
    this.batchTimer?.cancel();
    this.batchTimer = undefined;
    this.batchBytes = 0;
    const { gateway } = this.props;
    for (const packet of this.batch.splice(0)) this.isFull = !gateway.write(packet) || this.isFull;
    this.countFrames();
  }

  /** Closes the connection after all collected packets. */
  close(): void {
    this.flush();
    this.gateway.resume(); // A paused socket would not read the close frame of the gateway.
    this.gateway.close();
    this.countFrames();
  }

  /** Counts the frames sent since the last call. Frames are sent after the turn, so they appear in the count one call later. */
  countFrames(): void {
    const { gateway, metrics } = this.props;
    metrics.frames.add('up', gateway.framesSent - this.countedFrames);
    this.countedFrames = gateway.framesSent;
  }
}
