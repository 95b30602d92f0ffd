import { GatewayLink, type LinkSocket } from './gateway-link';
import { type GatewayOptions, tokenFrom, withDefaults } from './gateway-options';
import type { Refusal } from './size-gate';
import { SocketEvents } from './socket-events';
import { type PacketTooLargeError, WireError } from './wire';

/** The part of the WebSocket interface that `CirrusWebSocket` uses: of a browser, of React Native or of `ws`. */
export interface TextSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** A WebSocket class that can send text frames. */
export type TextSocketClass = new (url: string, protocols?: string | string[]) => TextSocket;

/** Options of a `CirrusWebSocket`. */
export interface CirrusWebSocketOptions extends GatewayOptions {
  /** The WebSocket class to use; by default the global one at the time when this module was loaded. */
  WebSocket?: TextSocketClass;
}

/** Options that only the shim for MQTT.js sets. */
interface InternalOptions extends CirrusWebSocketOptions {
  /** Takes a packet that was withheld, in place of an error from `send`; the connection ends if it throws. */
  onRefused?: (refusal: Refusal) => void;
}

// Read before `installGlobalWebSocket` can replace it.
const NativeWebSocket = globalThis.WebSocket as unknown as TextSocketClass | undefined;

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3] as const;

/**
 * Replaces the WebSocket of a browser or of React Native for libraries that let their WebSocket class be chosen. It takes and
 * delivers MQTT bytes, and exchanges the text frames of the wire format with the gateway. Failures emit `error`, with a
 * `message`, and then `close`.
 *
 * @example
 * const socket = new CirrusWebSocket('wss://abc123.execute-api.eu-west-1.amazonaws.com/mqtt', 'mqtt', {
 *   upstreamKeepAlive: 540,
 * });
 * const connect = Uint8Array.of(0x10, 13, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 1, 97);
 * socket.addEventListener('open', () => socket.send(connect));
 * socket.addEventListener('message', ({ data }) => console.log('CONNACK', new Uint8Array(data ?? new ArrayBuffer(0))));
 * socket.addEventListener('error', ({ message }) => console.error(message));
 */
export class CirrusWebSocket extends SocketEvents {
  static readonly CONNECTING = CONNECTING;
  static readonly OPEN = OPEN;
  static readonly CLOSING = CLOSING;
  static readonly CLOSED = CLOSED;
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSING = CLOSING;
  readonly CLOSED = CLOSED;
  readonly extensions = '';
  /** The URL as it was given, without a token. */
  readonly url: string;
  /** Ignored: messages are always ArrayBuffers. Libraries set it. */
  binaryType = 'arraybuffer';
  private readonly onRefused?: (refusal: Refusal) => void;
  private readonly link: GatewayLink;
  private socket?: TextSocket;
  private failure?: Error;
  private refused?: PacketTooLargeError;
  private isDelivering = false;
  private hasClosed = false;

  /**
   * Connects at once.
   *
   * @throws RangeError if an option is wrong
   * @throws TypeError if there is no global WebSocket and no option `WebSocket`
   */
  constructor(url: string | URL, protocols: string | string[] = 'mqtt', options: InternalOptions = {}) {
    super();
    this.url = String(url);
    const { WebSocket: Transport = NativeWebSocket, onRefused, ...gateway } = options;
    this.onRefused = onRefused;
    const settings = withDefaults(gateway);
    if (!Transport)
      throw new TypeError('there is no global WebSocket here, so the option WebSocket has to name a class');
    this.link = new GatewayLink(settings, this.linkSocket());
    const { token, tokenIn } = settings;
    if (token) this.connectWithToken(Transport, [protocols].flat(), { token, tokenIn });
    else this.connect(Transport, this.url, protocols);
  }

  get protocol(): string {
    return this.socket?.protocol ?? '';
  }

  get readyState(): number {
    if (this.hasClosed) return CLOSED;
    return this.socket?.readyState ?? CONNECTING;
  }

  get bufferedAmount(): number {
    return (this.socket?.bufferedAmount ?? 0) + this.link.waitingBytes;
  }

  /**
   * Sends MQTT bytes in any chunking. The whole packets of one turn of the event loop share a frame.
   *
   * @throws Error with the name InvalidStateError while the connection is not open yet
   * @throws PacketTooLargeError for a PUBLISH that is too large for the broker and has no negative acknowledgement; nothing of it
   * is sent, and the connection stays open
   * @throws WireError if the bytes are no MQTT, or a packet of another type is too large; the connection ends
   */
  send(data: ArrayBuffer | ArrayBufferView): void {
    if (this.readyState === CONNECTING) throw invalidState('still connecting');
    if (this.readyState !== OPEN) return;
    try {
      this.link.write(copyOf(data));
    } catch (error) {
      this.fail(error as Error);
      throw error;
    }
    const { refused } = this;
    this.refused = undefined;
    if (refused) throw refused;
  }

  close(code?: number, reason?: string): void {
    if (this.readyState === OPEN) this.link.flush();
    if (this.socket) this.socket.close(code, reason);
    else this.closed({ code: 1006, reason: '', wasClean: false }); // The token has not arrived yet.
  }

  private linkSocket(): LinkSocket {
    return {
      sendFrame: (frame) => this.socket!.send(frame),
      isReady: () => this.readyState === OPEN,
      atEndOfTurn: (task) => void Promise.resolve().then(task),
      deliverLocally: (bytes) => void Promise.resolve().then(() => this.deliver(bytes)),
      refuse: (refusal) => this.refuse(refusal),
      closeForRenewal: () => this.closeForRenewal(),
    };
  }

  private connect(Transport: TextSocketClass, url: string, protocols: string | string[]): void {
    const socket = new Transport(url, protocols);
    this.socket = socket;
    socket.onopen = () => {
      this.link.opened();
      this.dispatch('open');
    };
    socket.onmessage = ({ data }: { data: unknown }) => this.receive(data);
    socket.onerror = () => this.failed();
    socket.onclose = (event: CloseDetails) => this.closed(event);
  }

  private async connectWithToken(
    Transport: TextSocketClass,
    protocols: string[],
    { token, tokenIn }: Required<Pick<GatewayOptions, 'token' | 'tokenIn'>>,
  ): Promise<void> {
    try {
      const bearer = await tokenFrom(token);
      if (this.hasClosed) return;
      if (tokenIn === 'query') this.connect(Transport, withQuery(this.url, bearer), protocols);
      else this.connect(Transport, this.url, [...protocols, `bearer.${bearer}`]);
    } catch (error) {
      if (this.hasClosed) return;
      this.fail(error as Error);
    }
  }

  private receive(frame: unknown): void {
    if (this.failure) return;
    try {
      if (typeof frame !== 'string') throw new WireError('binary frame from the gateway');
      this.deliver(this.link.read(frame));
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private deliver(bytes: Uint8Array): void {
    if (this.hasClosed) return;
    this.isDelivering = true;
    try {
      this.dispatch('message', { data: exactBuffer(bytes) });
    } finally {
      this.isDelivering = false;
    }
  }

  /**
   * Makes `send` throw into the code that publishes. It does not throw inside a handler of this socket: there a library reads
   * CONNACK and resends unacknowledged messages, and an error would end the connection on every reconnect.
   */
  private refuse(refusal: Refusal): void {
    if (this.onRefused) this.onRefused(refusal);
    else if (this.isDelivering) globalThis.console?.warn(`cirrus-mqtt: withheld, ${refusal.error.message}`);
    else this.refused = refusal.error;
  }

  private fail(error: Error): void {
    this.failure = error;
    this.dispatch('error', { message: error.message, error });
    this.close();
  }

  /** The `error` event of a WebSocket has no reason. */
  private failed(): void {
    if (!this.hasClosed) this.dispatch('error');
  }

  /** Emits `close` at once, so that the client does not write to a closing socket and reconnects without delay. */
  private closeForRenewal(): void {
    this.socket!.close(1000);
    this.closed({ code: 1000, reason: 'renewed before API Gateway ends it', wasClean: true });
  }

  private closed({ code, reason, wasClean }: CloseDetails): void {
    if (this.hasClosed) return;
    this.hasClosed = true;
    this.link.closed();
    this.dispatch('close', { code, reason: this.failure?.message ?? reason, wasClean });
  }
}

interface CloseDetails {
  code: number;
  reason: string;
  wasClean: boolean;
}

function invalidState(message: string): Error {
  return Object.assign(new Error(message), { name: 'InvalidStateError' });
}

/** Built as text, because URL objects of React Native are immutable. */
function withQuery(url: string, token: string): string {
  return `${url}${url.includes('?') ? '&' : '?'}access_token=${encodeURIComponent(token)}`;
}

/** Callers may reuse their memory after `send` has returned. */
function copyOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  if (data instanceof ArrayBuffer) return new Uint8Array(data.slice(0));
  throw new TypeError('MQTT packets are bytes, not text');
}

/** An ArrayBuffer of exactly these bytes: small Buffers of Node share a larger pool. */
function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteLength === buffer.byteLength) return buffer as ArrayBuffer;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
