import type { WebSocket } from 'ws';
import type { ClockTimer, LocalClock } from '../clock';

export interface ConnectionLimits {
  /** API Gateway: 10 minutes without a message in either direction. */
  readonly idleSeconds: number;
  /** API Gateway: 2 hours. */
  readonly ageSeconds: number;
  /** Bytes that may wait for a client that reads slowly. */
  readonly bufferBytes: number;
}

export interface ConnectionProps {
  readonly id: string;
  readonly connectedAt: number;
  readonly sourceIp: string;
  readonly userAgent: string;
  readonly socket: WebSocket;
  readonly limits: ConnectionLimits;
  readonly clock: LocalClock;
  readonly onFrame: (connection: Connection, text: string) => void;
  /** Called once, when the gateway ends the connection or detects its end. */
  readonly onEnd: (connection: Connection) => void;
}

// Time for a peer to answer a close frame before its socket is destroyed.
const closeMilliseconds = 1000;

/** One client's WebSocket under the limits of API Gateway. */
export class Connection {
  readonly id: string;
  readonly connectedAt: number;
  readonly sourceIp: string;
  readonly userAgent: string;
  lastActiveAt: number;
  private open = true;
  private idleTimer: ClockTimer;
  private readonly ageTimer: ClockTimer;
  private closeTimer: NodeJS.Timeout | undefined;
  private readonly socket: WebSocket;

  constructor(private readonly props: ConnectionProps) {
    const { id, connectedAt, sourceIp, userAgent, socket, limits, clock } = props;
    this.id = id;
    this.connectedAt = connectedAt;
    this.sourceIp = sourceIp;
    this.userAgent = userAgent;
    this.socket = socket;
    this.lastActiveAt = connectedAt;
    this.idleTimer = clock.after(limits.idleSeconds * 1000, () => this.checkIdle());
    this.ageTimer = clock.after(limits.ageSeconds * 1000, () => this.close(1001));
    socket.on('message', (data: Buffer, isBinary) => this.receive({ data, isBinary }));
    socket.on('close', () => this.ended());
    socket.on('error', () => {}); // `close` follows.
  }

  get backlogged(): boolean {
    return this.socket.bufferedAmount > this.props.limits.bufferBytes;
  }

  send(text: Buffer | string): void {
    this.lastActiveAt = this.props.clock.now();
    this.socket.send(text, { binary: false });
  }

  /** Closes with a close frame. */
  close(code: number): void {
    if (!this.open) return;
    this.socket.close(code);
    this.closeTimer = setTimeout(() => this.socket.terminate(), closeMilliseconds);
    this.end();
  }

  /** Ends without a close frame, like a network failure. */
  cut(): void {
    this.socket.terminate();
    this.end();
  }

  private receive({ data, isBinary }: { readonly data: Buffer; readonly isBinary: boolean }): void {
    if (!this.open) return;
    this.lastActiveAt = this.props.clock.now();
    if (isBinary)
      this.close(1003); // API Gateway: isBinary frames are not supported.
    else this.props.onFrame(this, data.toString());
  }

  /** One timer serves many messages: when it fires it measures the time since the last one. */
  private checkIdle(): void {
    const quiet = this.props.clock.now() - this.lastActiveAt;
    const remaining = this.props.limits.idleSeconds * 1000 - quiet;
    if (remaining <= 0) this.close(1001);
    else this.idleTimer = this.props.clock.after(remaining, () => this.checkIdle());
  }

  private ended(): void {
    clearTimeout(this.closeTimer);
    this.end();
  }

  private end(): void {
    if (!this.open) return;
    this.open = false;
    this.idleTimer.cancel();
    this.ageTimer.cancel();
    this.props.onEnd(this);
  }
}
