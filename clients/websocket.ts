import { FrameWriter, readFrame, WireError } from './wire';

/** What `CirrusWebSocket` needs of the WebSocket below it: the browser's own, or that of `ws`. */
export interface TextSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  readonly url: string;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'close' | 'error' | 'message', listener: (event: never) => void): void;
}

/** A WebSocket class that can carry text frames. */
export type TextSocketClass = new (url: string | URL, protocols?: string | string[]) => TextSocket;

// Taken before anybody replaces the global one with the class below.
const NativeWebSocket = globalThis.WebSocket as unknown as TextSocketClass;

type Handler = ((event: Event) => void) | null;

/** Stands in for the browser's WebSocket: MQTT bytes on this side, the text frames of the gateway on the other. */
export class CirrusWebSocket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly extensions = '';
  /** Accepted for the sake of the surface; messages are always delivered as ArrayBuffer. */
  binaryType = 'arraybuffer';
  onopen: Handler = null;
  onmessage: Handler = null;
  onerror: Handler = null;
  onclose: Handler = null;
  private readonly socket: TextSocket;
  private readonly frames = new FrameWriter((frame) => this.socket.send(frame));
  private turnEnds = false;
  private failure?: Error;

  constructor(url: string | URL, protocols: string | string[] = 'mqtt', Transport: TextSocketClass = NativeWebSocket) {
    super();
    this.socket = new Transport(url, protocols);
    this.socket.addEventListener('open', () => this.tell('open', {}));
    this.socket.addEventListener('message', ({ data }: { data: unknown }) => this.receive(data));
    this.socket.addEventListener('error', () => this.tell('error', {}));
    this.socket.addEventListener('close', (event: { code: number; reason: string; wasClean: boolean }) =>
      this.closed(event),
    );
  }

  get url(): string {
    return this.socket.url;
  }

  get protocol(): string {
    return this.socket.protocol;
  }

  get readyState(): number {
    return this.socket.readyState;
  }

  get bufferedAmount(): number {
    return this.socket.bufferedAmount + this.frames.waitingBytes;
  }

  /** Takes MQTT bytes in any chunking. The whole packets of one turn share a frame. */
  send(data: ArrayBuffer | ArrayBufferView): void {
    if (this.readyState === this.CONNECTING) throw new DOMException('still connecting', 'InvalidStateError');
    if (this.readyState !== this.OPEN) return;
    try {
      this.frames.write(copyOf(data));
    } catch (error) {
      this.fail(error as Error);
      throw error;
    }
    this.flushAtEndOfTurn();
  }

  close(code?: number, reason?: string): void {
    this.flush();
    this.socket.close(code, reason);
  }

  private flushAtEndOfTurn(): void {
    if (this.turnEnds || this.frames.waitingBytes === 0) return;
    this.turnEnds = true;
    queueMicrotask(() => {
      this.turnEnds = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.readyState === this.OPEN) this.frames.flush();
  }

  private receive(frame: unknown): void {
    if (this.failure) return;
    const data = this.read(frame);
    if (data) this.tell('message', { data });
  }

  private read(frame: unknown): ArrayBuffer | undefined {
    try {
      if (typeof frame !== 'string') throw new WireError('binary frame from the gateway');
      return exactBuffer(readFrame(frame));
    } catch (error) {
      this.fail(error as Error);
      return undefined;
    }
  }

  private fail(error: Error): void {
    this.failure = error;
    this.tell('error', { message: error.message, error });
    this.close();
  }

  private closed({ code, reason, wasClean }: { code: number; reason: string; wasClean: boolean }): void {
    this.tell('close', { code, reason: this.failure?.message ?? reason, wasClean });
  }

  private tell(type: 'open' | 'message' | 'error' | 'close', details: object): void {
    const event = Object.assign(new Event(type), details);
    this[`on${type}`]?.(event);
    this.dispatchEvent(event);
  }
}

/** A caller may reuse its memory once `send` has returned. */
function copyOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data.slice(0));
  if (!ArrayBuffer.isView(data)) throw new TypeError('MQTT packets are bytes, not text');
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

/** An ArrayBuffer of these bytes only: small ones of Node share a larger pool. */
function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteLength === buffer.byteLength) return buffer as ArrayBuffer;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
