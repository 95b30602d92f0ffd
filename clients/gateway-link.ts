import type { withDefaults } from './gateway-options';
import { LocalPing } from './local-ping';
import { DISCONNECT, PINGRESP } from './packet-fields';
import { Renewal } from './renewal';
import { type Refusal, SizeGate } from './size-gate';
import { FrameWriter, readFrame } from './wire';

type LinkSettings = Pick<ReturnType<typeof withDefaults>, 'batchMs' | 'upstreamKeepAlive' | 'renewAfter'>;

/** The WebSocket below a `GatewayLink`. */
export interface LinkSocket {
  /** Sends one frame to the gateway. */
  sendFrame(frame: string): void;
  /** True if a frame would be sent at once, without waiting in a buffer. */
  isReady(): boolean;
  /** Runs the task after the current turn of the event loop. */
  atEndOfTurn(task: () => void): void;
  /** Delivers bytes to the client that did not come from the gateway. */
  deliverLocally(bytes: Uint8Array): void;
  /**
   * Reports a packet that was withheld from the gateway and has no negative acknowledgement in MQTT. `write` throws what this
   * method throws, after it has forwarded all other packets of the same call.
   */
  refuse(refusal: Refusal): void;
  /** Closes the old connection. DISCONNECT has been sent; nothing may follow it. */
  closeForRenewal(): void;
}

/**
 * Connects the MQTT bytes of one client with the text frames of the gateway: packs packets into frames, batches them, answers
 * PINGREQs and packets over the limit locally, and renews old connections.
 */
export class GatewayLink {
  private readonly frames: FrameWriter;
  private readonly sizeGate = new SizeGate();
  private readonly localPing?: LocalPing;
  private readonly renewal?: Renewal;
  private readonly batchMs: number;
  private batchTimer?: ReturnType<typeof setTimeout>;
  private flushesThisTurn = false;
  private isDue = false;

  constructor(
    { batchMs, upstreamKeepAlive, renewAfter }: LinkSettings,
    private readonly socket: LinkSocket,
  ) {
    this.batchMs = batchMs;
    this.frames = new FrameWriter((frame) => socket.sendFrame(frame));
    if (upstreamKeepAlive !== undefined) this.localPing = new LocalPing(upstreamKeepAlive);
    if (renewAfter) this.renewal = new Renewal(renewAfter, () => this.isEmpty(), this.renew);
  }

  /** Bytes of whole packets that wait for the next frame. */
  get waitingBytes(): number {
    return this.frames.waitingBytes;
  }

  /** The handshake has succeeded. */
  opened(): void {
    this.renewal?.start();
  }

  /** The WebSocket is closed. */
  closed(): void {
    this.renewal?.stop();
    clearTimeout(this.batchTimer);
  }

  /**
   * Takes bytes of the client in any chunking, and keeps them until they have been sent: the caller must not reuse their memory.
   *
   * @throws WireError if they are no MQTT
   * @throws PacketTooLargeError if a packet other than PUBLISH and SUBSCRIBE is over the limit
   */
  write(bytes: Uint8Array): void {
    const { upstream, refusals } = this.sizeGate.fromClient(bytes);
    for (const part of upstream) {
      if (this.localPing) this.forwardFiltered(this.localPing, part);
      else this.forward(part);
    }
    this.planFlush();
    for (const refusal of refusals) {
      if (refusal.answer) this.socket.deliverLocally(refusal.answer);
      else this.socket.refuse(refusal);
    }
  }

  /**
   * The MQTT bytes of a frame from the gateway, for the client.
   *
   * @throws WireError if the frame violates the wire format
   */
  read(frame: string): Uint8Array {
    this.renewal?.touch();
    const bytes = readFrame(frame);
    this.sizeGate.fromServer(bytes);
    return this.localPing ? this.localPing.fromServer(bytes, Date.now()) : bytes;
  }

  /** The socket has become ready: sends the packets whose batch window is over. */
  ready(): void {
    if (this.isDue) this.flush();
  }

  /** Sends all whole packets now. */
  flush(): void {
    clearTimeout(this.batchTimer);
    this.batchTimer = undefined;
    this.isDue = false;
    this.frames.flush();
  }

  private forwardFiltered(localPing: LocalPing, bytes: Uint8Array): void {
    const { upstream, pings } = localPing.fromClient(bytes, Date.now());
    for (const part of upstream) this.forward(part);
    for (let left = pings; left > 0; left--) this.socket.deliverLocally(PINGRESP.slice());
  }

  private forward(bytes: Uint8Array): void {
    this.renewal?.touch();
    this.frames.write(bytes);
  }

  private planFlush(): void {
    if (this.frames.waitingBytes === 0 || this.flushesThisTurn) return;
    if (this.batchMs === 0 || this.frames.isUrgent) this.flushAtEndOfTurn();
    else this.batchTimer ??= setTimeout(this.flushWhenReady, this.batchMs);
  }

  private flushAtEndOfTurn(): void {
    this.flushesThisTurn = true;
    this.socket.atEndOfTurn(() => {
      this.flushesThisTurn = false;
      this.flushWhenReady();
    });
  }

  private readonly flushWhenReady = (): void => {
    this.isDue = true;
    if (this.socket.isReady()) this.flush();
  };

  private isEmpty(): boolean {
    return this.frames.isBetweenPackets && this.frames.waitingBytes === 0 && this.socket.isReady();
  }

  private readonly renew = (): void => {
    if (this.frames.isBetweenPackets) {
      this.frames.write(DISCONNECT);
      this.flush();
    }
    this.socket.closeForRenewal();
  };
}
