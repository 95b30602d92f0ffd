import { GatewayLink, type LinkSocket } from './gateway-link';
import { type GatewayOptions, tokenFrom, withDefaults } from './gateway-options';
import type { Refusal } from './size-gate';
import { SocketEvents } from './socket-events';
import { type PacketTooLargeError, WireError } from './wire';

/** What `CirrusWebSocket` needs of the WebSocket below it: that of a browser, of React Native, or of `ws`. */
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

/** A WebSocket class that can carry text frames. */
export type TextSocketClass = new (url: string, protocols?: string | string[]) => TextSocket;

/** How a `CirrusWebSocket` connects. */
export interface CirrusWebSocketOptions extends GatewayOptions {
  /** The class below; the global one unless given, as it was when this file was loaded. */
  WebSocket?: TextSocketClass;
}

// Taken before anybody replaces the global one.
const NativeWebSocket = globalThis.WebSocket as unknown as TextSocketClass | undefined;

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3] as const;

/**
 * Stands in for the WebSocket of a browser or of React Native: MQTT bytes on this side, the text frames of the gateway on
 * the other. Everything that goes wrong is told by `error`, with a `message`, and then `close`.
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
  /** Without the token that the address may have got. */
  readonly url: string;
  /** Accepted for the sake of the surface; messages are always delivered as ArrayBuffer. */
  binaryType = 'arraybuffer';
  private readonly link: GatewayLink;
  private socket?: TextSocket;
  private failure?: Error;
  private refused?: PacketTooLargeError;
  private isDelivering = false;
  private hasClosed = false;

  /**
   * @param onRefused takes a packet that was withheld, in place of `send`; the connection ends if it throws
   * @throws RangeError when an option is wrong
   */
  constructor(
    url: string | URL,
    protocols: string | string[] = 'mqtt',
    options: CirrusWebSocketOptions = {},
    private readonly onRefused?: (refusal: Refusal) => void,
  ) {
    super();
    this.url = String(url);
    const { WebSocket: Transport = NativeWebSocket, ...gateway } = options;
    const settings = withDefaults(gateway);
    if (!Transport)
      throw new TypeError('there is no global WebSocket here, so the option WebSocket has to name a class');
    this.link = new GatewayLink(settings, this.linkSocket());
    if (settings.token) this.connectWithToken(Transport, [protocols].flat(), settings.token, settings.tokenIn);
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
   * Takes MQTT bytes in any chunking. The whole packets of one turn share a frame.
   *
   * @throws Error called InvalidStateError while the connection is not open yet
   * @throws PacketTooLargeError when the packet is a PUBLISH too large for the broker that cannot be answered; nothing of it
   * is sent, and the connection stays
   * @throws WireError when the bytes are no MQTT, or another packet is too large; the connection ends
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
    else this.closed({ code: 1006, reason: '', wasClean: false }); // The token is still waited for.
  }

  private linkSocket(): LinkSocket {
    return {
      sendFrame: (frame) => this.socket!.send(frame),
      isReady: () => this.readyState === OPEN,
      atEndOfTurn: (task) => void Promise.resolve().then(task),
      answer: (bytes) => void Promise.resolve().then(() => this.deliver(bytes)),
      refuse: (refusal) => this.refuse(refusal),
      renew: () => this.renew(),
    };
  }

  private connect(Transport: TextSocketClass, url: string, protocols: string | string[]): void {
    const socket = new Transport(url, protocols);
    this.socket = socket;
    socket.onopen = () => {
      this.link.opened();
      this.tell('open');
    };
    socket.onmessage = ({ data }: { data: unknown }) => this.receive(data);
    socket.onerror = () => this.failed();
    socket.onclose = (event: CloseDetails) => this.closed(event);
  }

  private async connectWithToken(
    Transport: TextSocketClass,
    protocols: string[],
    token: NonNullable<GatewayOptions['token']>,
    tokenIn: 'subprotocol' | 'query',
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
      this.tell('message', { data: exactBuffer(bytes) });
    } finally {
      this.isDelivering = false;
    }
  }

  /**
   * Lets `send` throw, into the code that publishes. Not inside a handler of this socket: there a library reads CONNACK and
   * sends again what was not acknowledged, and an error would end the connection, again and again.
   */
  private refuse(refusal: Refusal): void {
    if (this.onRefused) this.onRefused(refusal);
    else if (this.isDelivering) globalThis.console?.warn(`cirrus-mqtt: withheld, ${refusal.error.message}`);
    else this.refused = refusal.error;
  }

  private fail(error: Error): void {
    this.failure = error;
    this.tell('error', { message: error.message, error });
    this.close();
  }

  /** A WebSocket does not say what its error was. */
  private failed(): void {
    if (!this.hasClosed) this.tell('error');
  }

  /** The client is told at once, so that it does not write into what is closing; its next connection need not wait. */
  private renew(): void {
    this.socket!.close(1000);
    this.closed({ code: 1000, reason: 'renewed before API Gateway ends it', wasClean: true });
  }

  private closed({ code, reason, wasClean }: CloseDetails): void {
    if (this.hasClosed) return;
    this.hasClosed = true;
    this.link.closed();
    this.tell('close', { code, reason: this.failure?.message ?? reason, wasClean });
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

/** By hand, because the URL of React Native cannot be changed. */
function withQuery(url: string, token: string): string {
  return `${url}${url.includes('?') ? '&' : '?'}access_token=${encodeURIComponent(token)}`;
}

/** A caller may reuse its memory once `send` has returned. */
function copyOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  if (data instanceof ArrayBuffer) return new Uint8Array(data.slice(0));
  throw new TypeError('MQTT packets are bytes, not text');
}

/** An ArrayBuffer of these bytes only: small ones of Node share a larger pool. */
function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteLength === buffer.byteLength) return buffer as ArrayBuffer;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
