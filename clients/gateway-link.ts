import type { withDefaults } from './gateway-options';
import { LocalPing, PINGRESP } from './local-ping';
import { Renewal } from './renewal';
import { type Refusal, SizeGate } from './size-gate';
import { FrameWriter, readFrame } from './wire';

/** DISCONNECT without an error: the session stays as long as its client wanted, its will is not published. */
const DISCONNECT = Uint8Array.of(0xe0, 0);

type LinkSettings = Pick<ReturnType<typeof withDefaults>, 'batchMs' | 'upstreamKeepAlive' | 'renewAfter'>;

/** The socket below a `GatewayLink`. */
export interface LinkSocket {
  /** Takes one frame for the gateway. */
  sendFrame(frame: string): void;
  /** Whether a frame would be on its way at once, and not wait here or below. */
  isReady(): boolean;
  /** Calls back when the code that runs now has come to its end. */
  atEndOfTurn(task: () => void): void;
  /** Gives the client bytes that did not come from the gateway. */
  answer(bytes: Uint8Array): void;
  /**
   * A packet of the client was withheld from the gateway, and MQTT has no answer that says so. What is thrown is thrown by
   * `write`, behind all that was written with the packet.
   */
  refuse(refusal: Refusal): void;
  /** The connection has become old: DISCONNECT is sent, nothing must follow it. */
  renew(): void;
}

/** What lies between the MQTT bytes of one client and its frames: packing, waiting for company, local answers, old age. */
export class GatewayLink {
  private readonly frames: FrameWriter;
  private readonly sizeGate = new SizeGate();
  private readonly localPing?: LocalPing;
  private readonly renewal?: Renewal;
  private readonly batchMs: number;
  private window?: ReturnType<typeof setTimeout>;
  private turnEnds = false;
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

  /** Bytes of whole packets that wait for their frame. */
  get waitingBytes(): number {
    return this.frames.waitingBytes;
  }

  opened(): void {
    this.renewal?.start();
  }

  closed(): void {
    this.renewal?.stop();
    clearTimeout(this.window);
  }

  /**
   * Takes bytes of the client and keeps them until sent.
   *
   * @throws WireError when they are no MQTT, or a packet too large
   */
  write(bytes: Uint8Array): void {
    const { upstream, refusals } = this.sizeGate.fromClient(bytes);
    for (const part of upstream) {
      if (this.localPing) this.sift(this.localPing, part);
      else this.pass(part);
    }
    this.planFlush();
    for (const refusal of refusals) {
      if (refusal.answer) this.socket.answer(refusal.answer);
      else this.socket.refuse(refusal);
    }
  }

  /**
   * The MQTT bytes of a frame from the gateway.
   *
   * @throws WireError when the frame is not one of the wire format
   */
  read(frame: string): Uint8Array {
    this.renewal?.touch();
    const bytes = readFrame(frame);
    this.sizeGate.fromServer(bytes);
    return this.localPing ? this.localPing.fromServer(bytes, Date.now()) : bytes;
  }

  /** The socket has become ready: what has waited long enough leaves. */
  ready(): void {
    if (this.isDue) this.flush();
  }

  /** Sends whatever is whole. */
  flush(): void {
    clearTimeout(this.window);
    this.window = undefined;
    this.isDue = false;
    this.frames.flush();
  }

  private sift(localPing: LocalPing, bytes: Uint8Array): void {
    const { upstream, pings } = localPing.fromClient(bytes, Date.now());
    for (const part of upstream) this.pass(part);
    for (let left = pings; left > 0; left--) this.socket.answer(PINGRESP.slice());
  }

  private pass(bytes: Uint8Array): void {
    this.renewal?.touch();
    this.frames.write(bytes);
  }

  private planFlush(): void {
    if (this.frames.waitingBytes === 0 || this.turnEnds) return;
    if (this.batchMs === 0 || this.frames.isUrgent) this.flushAtEndOfTurn();
    else this.window ??= setTimeout(this.flushWhenReady, this.batchMs);
  }

  private flushAtEndOfTurn(): void {
    this.turnEnds = true;
    this.socket.atEndOfTurn(() => {
      this.turnEnds = false;
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
    this.socket.renew();
  };
}
