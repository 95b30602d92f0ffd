import type { NodeWebSocket } from '../node-websocket';
import { MAX_FRAME_BYTES } from '../wire';
import type { Clock, Timer } from './clock';
import type { AdapterMetrics } from './metrics';

export interface UplinkProps {
  gateway: NodeWebSocket;
  /** How long packets wait for others to share their frame; 0: the turn of the event loop. */
  batchMs: number;
  clock: Clock;
  metrics: AdapterMetrics;
}

/** One client's connection to the gateway, with the packets that wait to share a frame. */
export class Uplink {
  private batch: Buffer[] = [];
  private batchBytes = 0;
  private batchTimer: Timer | undefined;
  private countedFrames = 0;
  /** Whether the network has to take something before more is written. */
  isFull = false;

  constructor(private readonly props: UplinkProps) {
    props.gateway.on('drain', () => {
      this.isFull = false;
    });
  }

  get gateway(): NodeWebSocket {
    return this.props.gateway;
  }

  /** Takes a packet; false asks to wait for the `drain` of the gateway. */
  write(packet: Buffer): boolean {
    this.batch.push(packet);
    this.batchBytes += packet.length;
    if (this.props.batchMs === 0 || this.batchBytes >= MAX_FRAME_BYTES) this.flush();
    else this.batchTimer ??= this.props.clock.after(this.props.batchMs, () => this.flush());
    return !this.isFull;
  }

  /** Hands all that waits to the gateway. */
  flush(): void {
    this.batchTimer?.cancel();
    this.batchTimer = undefined;
    this.batchBytes = 0;
    const { gateway } = this.props;
    for (const packet of this.batch.splice(0)) this.isFull = !gateway.write(packet) || this.isFull;
    this.countFrames();
  }

  /** Ends it behind all that was written. */
  close(): void {
    this.flush();
    this.gateway.resume(); // A paused socket would never see the answer to its close.
    this.gateway.close();
    this.countFrames();
  }

  /** Frames leave at the end of a turn, so the last ones are counted with the next packet, or with the end. */
  countFrames(): void {
    const { gateway, metrics } = this.props;
    metrics.frames.add('up', gateway.framesSent - this.countedFrames);
    this.countedFrames = gateway.framesSent;
  }
}
