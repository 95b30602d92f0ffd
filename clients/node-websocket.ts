import WebSocket from 'ws';
import { FrameWriter, readFrame, WireError } from './wire';

/** Above this many bytes on their way to the gateway, `write` asks to wait for the drain. */
const HIGH_WATER = 262_144;

/** A `ws` WebSocket that takes and gives MQTT bytes, carries them to the gateway as text frames and emits `drain`. */
export class NodeWebSocket extends WebSocket {
  /** How many frames were handed to the network, for whoever counts what is billed. */
  framesSent = 0;
  private readonly frames = new FrameWriter((frame) => this.sendFrame(frame));
  private early: string[] = [];
  private earlyBytes = 0;
  private turnEnds = false;
  private unsentFrames = 0;
  private full = false;

  constructor(url: string, protocols: string | string[] = 'mqtt', options: WebSocket.ClientOptions = {}) {
    // Base64 is checked when it is read, which makes the check for UTF-8 needless.
    super(url, protocols, { skipUTF8Validation: true, ...options, perMessageDeflate: false });
    super.once('open', () => this.sendEarly());
  }

  /** Takes MQTT bytes for the frame that leaves at the end of this turn; false asks to wait for `drain`. */
  write(bytes: Uint8Array): boolean {
    this.frames.write(bytes);
    if (this.frames.waitingBytes > 0 && !this.turnEnds) {
      this.turnEnds = true;
      setImmediate(this.endTurn);
    }
    this.full ||= this.bufferedAmount + this.earlyBytes > HIGH_WATER;
    return !this.full;
  }

  /** As in `ws`, for `createWebSocketStream` and browser-like callers. The callback waits for the drain. */
  override send(data: WebSocket.Data, options?: unknown, callback?: (error?: Error) => void): void {
    const done = typeof options === 'function' ? (options as (error?: Error) => void) : callback;
    try {
      if (this.write(toBytes(data))) done?.();
      else if (done) this.once('drain', () => done());
    } catch (error) {
      if (!done) throw error;
      done(error as Error);
    }
  }

  override close(code?: number, reason?: string | Buffer): void {
    if (this.readyState === WebSocket.OPEN) this.frames.flush();
    super.close(code, reason);
  }

  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event !== 'message') return super.emit(event, ...values);
    return this.receive(values[0] as Buffer, values[1] as boolean);
  }

  private receive(data: Buffer, isBinary: boolean): boolean {
    const bytes = this.read(data, isBinary);
    return bytes !== undefined && super.emit('message', bytes, true);
  }

  private read(data: Buffer, isBinary: boolean): Uint8Array | ArrayBuffer | undefined {
    try {
      if (isBinary) throw new WireError('binary frame from the gateway');
      const bytes = readFrame(data.toString('latin1'));
      return this.binaryType === 'arraybuffer' ? toArrayBuffer(bytes) : bytes;
    } catch (error) {
      super.emit('error', error);
      this.terminate();
      return undefined;
    }
  }

  /** While the handshake or earlier frames wait for the network, packets gather for a fuller frame. */
  private readonly endTurn = (): void => {
    this.turnEnds = false;
    if (this.readyState !== WebSocket.CONNECTING && this.unsentFrames === 0) this.frames.flush();
  };

  private sendFrame(frame: string): void {
    if (this.readyState === WebSocket.CONNECTING) {
      this.early.push(frame);
      this.earlyBytes += frame.length;
      return;
    }
    this.unsentFrames += 1;
    this.framesSent += 1;
    super.send(frame, this.onSent);
  }

  private sendEarly(): void {
    const frames = this.early;
    this.early = [];
    this.earlyBytes = 0;
    for (const frame of frames) this.sendFrame(frame);
    this.frames.flush();
  }

  private readonly onSent = (error?: Error): void => {
    this.unsentFrames -= 1;
    if (error || this.unsentFrames > 0) return;
    this.frames.flush();
    if (!this.full) return;
    this.full = false;
    super.emit('drain');
  };
}

function toBytes(data: WebSocket.Data): Uint8Array {
  if (typeof data === 'string') throw new TypeError('MQTT packets are bytes, not text');
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}
