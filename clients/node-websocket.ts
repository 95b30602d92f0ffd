import type { ClientRequest } from 'node:http';
import WebSocket from 'ws';
import { GatewayLink } from './gateway-link';
import { type GatewayOptions, tokenFrom, withDefaults } from './gateway-options';
import type { Refusal } from './size-gate';
import { WireError } from './wire';

/** Above this many bytes on their way to the gateway, `write` asks to wait for the drain. */
const HIGH_WATER = 262_144;

/** Whoever makes a socket by itself decides itself when it is old. */
const PASSIVE: GatewayOptions = { renewAfter: false };

/** A `ws` WebSocket that takes and gives MQTT bytes, carries them to the gateway as text frames and emits `drain`. */
export class NodeWebSocket extends WebSocket {
  /** How many frames were handed to the network, for whoever counts what is billed. */
  framesSent = 0;
  private readonly link: GatewayLink;
  private early: string[] = [];
  private earlyBytes = 0;
  private unsentFrames = 0;
  private full = false;

  /**
   * @param onRefused takes a packet that was withheld, in place of `write` and `send`; they fail if it throws
   * @throws RangeError when an option for the gateway is wrong
   */
  constructor(
    url: string,
    protocols: string | string[] = 'mqtt',
    options: WebSocket.ClientOptions = {},
    gateway: GatewayOptions = PASSIVE,
    onRefused: (refusal: Refusal) => void = fail,
  ) {
    const { token, ...settings } = withDefaults(gateway);
    super(url, protocols, {
      skipUTF8Validation: true, // Base64 is checked when it is read, which makes the check for UTF-8 needless.
      ...options,
      ...(token && { finishRequest: (request: ClientRequest) => void finishWith(request, token) }),
      perMessageDeflate: false,
    });
    this.link = new GatewayLink(settings, {
      sendFrame: (frame) => this.sendFrame(frame),
      // While the handshake or earlier frames wait for the network, packets gather for a fuller frame.
      isReady: () => this.readyState !== WebSocket.CONNECTING && this.unsentFrames === 0,
      atEndOfTurn: setImmediate,
      answer: (bytes) => void setImmediate(() => this.deliver(bytes)),
      refuse: onRefused,
      renew: () => super.close(1000),
    });
    super.once('open', () => this.opened());
    super.once('close', () => this.link.closed());
  }

  /** Takes MQTT bytes for the frame that leaves at the end of this turn; false asks to wait for `drain`. */
  write(bytes: Uint8Array): boolean {
    this.link.write(bytes);
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
    if (this.readyState === WebSocket.OPEN) this.link.flush();
    super.close(code, reason);
  }

  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event !== 'message') return super.emit(event, ...values);
    return this.receive(values[0] as Buffer, values[1] as boolean);
  }

  private receive(data: Buffer, isBinary: boolean): boolean {
    try {
      if (isBinary) throw new WireError('binary frame from the gateway');
      return this.deliver(this.link.read(data.toString('latin1')));
    } catch (error) {
      super.emit('error', error);
      this.terminate();
      return false;
    }
  }

  private deliver(bytes: Uint8Array): boolean {
    if (this.readyState === WebSocket.CLOSED) return false;
    return super.emit('message', this.binaryType === 'arraybuffer' ? toArrayBuffer(bytes) : bytes, true);
  }

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

  private opened(): void {
    this.link.opened();
    const frames = this.early;
    this.early = [];
    this.earlyBytes = 0;
    for (const frame of frames) this.sendFrame(frame);
    this.link.ready();
  }

  private readonly onSent = (error?: Error): void => {
    this.unsentFrames -= 1;
    if (error || this.unsentFrames > 0) return;
    this.link.ready();
    if (!this.full) return;
    this.full = false;
    super.emit('drain');
  };
}

function fail({ error }: Refusal): never {
  throw error;
}

async function finishWith(request: ClientRequest, token: NonNullable<GatewayOptions['token']>): Promise<void> {
  try {
    request.setHeader('Authorization', `Bearer ${await tokenFrom(token)}`);
    request.end();
  } catch (error) {
    request.destroy(error as Error);
  }
}

function toBytes(data: WebSocket.Data): Uint8Array {
  if (typeof data === 'string') throw new TypeError('MQTT packets are bytes, not text');
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}
