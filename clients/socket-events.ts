/** Any event of a WebSocket. */
export interface SocketEvent {
  readonly type: SocketEventType;
  readonly target: unknown;
  /** Bytes of `message`. */
  readonly data?: ArrayBuffer;
  /** Reason of `error`, where it is known. */
  readonly message?: string;
  readonly error?: Error;
  /** Close code of `close`. */
  readonly code?: number;
  readonly reason?: string;
  readonly wasClean?: boolean;
}

export type SocketEventType = 'open' | 'message' | 'error' | 'close';

type Handler = ((event: SocketEvent) => void) | null;
type Listener = ((event: SocketEvent) => void) | { handleEvent(event: SocketEvent): void };

/** Event handling of a WebSocket without the classes `EventTarget` and `Event`, which React Native does not have. */
export class SocketEvents {
  onopen: Handler = null;
  onmessage: Handler = null;
  onerror: Handler = null;
  onclose: Handler = null;
  private readonly listeners = { open: new Map(), message: new Map(), error: new Map(), close: new Map() } as Record<
    SocketEventType,
    Map<Listener, boolean>
  >;

  addEventListener(type: SocketEventType, listener: Listener, options: boolean | { once?: boolean } = false): void {
    const ofType = this.listeners[type];
    if (ofType && !ofType.has(listener)) ofType.set(listener, typeof options === 'object' && options.once === true);
  }

  removeEventListener(type: SocketEventType, listener: Listener): void {
    this.listeners[type]?.delete(listener);
  }

  protected dispatch(type: SocketEventType, details: Omit<SocketEvent, 'type' | 'target'> = {}): void {
    const event: SocketEvent = { type, target: this, ...details };
    this[`on${type}`]?.(event);
    for (const [listener, once] of [...this.listeners[type]]) {
      if (once) this.listeners[type].delete(listener);
      if (typeof listener === 'function') listener.call(this, event);
      else listener.handleEvent(event);
    }
  }
}
