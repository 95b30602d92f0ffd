import type { ClientRequest } from 'node:http';
import WebSocket from 'ws';
import { GatewayLink } from './gateway-link';
import { type GatewayOptions, tokenFrom, withDefaults } from './gateway-options';
import type { Refusal } from './size-gate';
import { WireError } from './wire';

/** Above this many unsent bytes `write` asks the caller to wait for `drain`. */
const HIGH_WATER = 262_144;

/** The adapter and the program end old connections themselves. */
const WITHOUT_RENEWAL: GatewayOptions = { renewAfter: false };

/** Options of a `NodeWebSocket`. */
export interface NodeWebSocketOptions {
  /** Options for `ws`. */
  readonly ws?: WebSocket.ClientOptions;
  /** Options of the connection to the gateway; without renewal if absent. */
  readonly gateway?: GatewayOptions;
  /** Takes a packet that was withheld; `write` and `send` fail if it throws. If absent they fail with its error. */
  readonly onRefused?: (refusal: Refusal) => void;
}

/** A WebSocket of `ws` that takes and delivers MQTT bytes, sends them to the gateway as text frames and emits `drain`. */
export class NodeWebSocket extends WebSocket {
  /** Number of frames handed to the network; API Gateway bills each. */
  framesSent = 0;
  private readonly link: GatewayLink;
  private early: string[] = [];
  private earlyBytes = 0;
  private unsentFrames = 0;
  private full = false;

  /** @throws RangeError if an option for the gateway is wrong */
  constructor(url: string, protocols: string | string[] = 'mqtt', options: NodeWebSocketOptions = {}) {
    const { ws = {}, gateway = WITHOUT_RENEWAL, onRefused = fail } = options;
    const { token, ...settings } = withDefaults(gateway);
    super(url, protocols, {
      skipUTF8Validation: true, // The base64 decoder rejects everything that is not ASCII.
      ...ws,
      ...(token && { finishRequest: (request: ClientRequest) => void finishWith(request, token) }),
      perMessageDeflate: false,
    });
    this.link = new GatewayLink(settings, {
      sendFrame: (frame) => this.sendFrame(frame),
      // While the handshake or earlier frames are pending, packets are collected for a fuller frame.
      isReady: () => this.readyState !== WebSocket.CONNECTING && this.unsentFrames === 0,
      atEndOfTurn: setImmediate,
      deliverLocally: (bytes) => void setImmediate(() => this.deliver(bytes)),
      refuse: onRefused,
      closeForRenewal: () => super.close(1000),
    });
    super.once('open', () => this.opened());
    super.once('close', () => this.link.closed());
  }

  /**
   * Takes MQTT bytes for the frame that is sent after this turn of the event loop. Returns false if the caller should wait for
   * `drain`.
   *
   * @throws WireError, PacketTooLargeError as `GatewayLink.write`
   */
  write(bytes: Uint8Array): boolean {
    this.link.write(bytes);
    this.full ||= this.bufferedAmount + this.earlyBytes > HIGH_WATER;
    return !this.full;
  }

  /** Like `send` of `ws`, for `createWebSocketStream` and callers of the browser's interface. The callback waits for `drain`. */
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
    const [data, isBinary] = values as [Buffer, boolean];
    return this.receive(isBinary ? undefined : data.toString('latin1'));
  }

  /** Takes the text of a frame, undefined for a binary one. */
  private receive(text: string | undefined): boolean {
    try {
      if (text === undefined) throw new WireError('binary frame from the gateway');
      return this.deliver(this.link.read(text));
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
