import type { Headers } from '../bearer';
import { inWords } from '../network-error';
import { NodeWebSocket } from '../node-websocket';
import type { Clock, Timer } from './clock';
import type { AdapterMetrics, DialFailure } from './metrics';
import { Pace } from './rate-limiter';

/** API Gateway answers a handshake once its integration has, which takes up to 29 s. */
const handshakeMs = 30_000;

/** The first pause after a failure, and the longest. */
const shortestPauseMs = 500;
const longestPauseMs = 30_000;

/** A gateway that is gone without a word is noticed by TCP, about ten seconds after this. */
const keepAliveDelayMs = 30_000;

export interface DialProps {
  url: string;
  headers: Headers;
  /** Handshakes a second. */
  rate: number;
  /** How long a client is kept waiting for a handshake that succeeds. */
  withinMs: number;
  clock: Clock;
  metrics: AdapterMetrics;
}

export class DialError extends Error {
  constructor(
    message: string,
    readonly reason: DialFailure,
  ) {
    super(message);
  }

  /** Whether another try may help: the network and an overloaded gateway recover, a refusal stays one. */
  get isPassing(): boolean {
    return this.reason === 'throttled' || this.reason === 'unreachable' || this.reason === 'timeout';
  }
}

export interface DialEvents {
  onOpen(gateway: NodeWebSocket): void;
  /** It will be tried again in so many milliseconds. */
  onRetry(error: DialError, pauseMs: number): void;
  onFail(error: DialError): void;
}

/** The way to the gateway for all clients: handshakes at a pace it can take, repeated while it is away. */
export class Dials {
  private readonly pace: Pace;

  constructor(readonly props: DialProps) {
    this.pace = new Pace(props.rate, props.clock);
  }

  get waitingCount(): number {
    return this.pace.waitingCount;
  }

  /**
   * Dials until a handshake succeeds, one is refused for good, or time is up. Clients of several addresses take turns. The
   * returned function gives up.
   */
  dial(address: string, events: DialEvents): () => void {
    const enter = (run: () => void) => this.pace.enter(run, address);
    const dial = new Dial(this.props, { pace: this.pace, enter }, events);
    dial.begin();
    return () => dial.cancel();
  }

  stop(): void {
    this.pace.stop();
  }
}

/** The queue before the gateway, as one client sees it. */
interface DialQueue {
  readonly pace: Pace;
  enter(run: () => void): () => void;
}

/** The attempts for one client. */
class Dial {
  private attempts = 0;
  private over = false;
  private lastError = new DialError('no turn to reach the gateway came in time', 'timeout');
  private leaveQueue = () => {};
  private gateway: NodeWebSocket | undefined;
  private pause: Timer | undefined;
  private deadline: Timer | undefined;

  constructor(
    private readonly props: DialProps,
    private readonly line: DialQueue,
    private readonly events: DialEvents,
  ) {}

  begin(): void {
    this.deadline = this.props.clock.after(this.props.withinMs, () => this.late());
    this.queue();
  }

  cancel(): void {
    this.finish();
    this.gateway?.terminate();
  }

  private queue(): void {
    this.leaveQueue = this.line.enter(() => this.attempt());
  }

  private attempt(): void {
    this.attempts += 1;
    this.props.metrics.dials += 1;
    try {
      this.open();
    } catch (error) {
      this.failed(new DialError((error as Error).message, 'denied')); // no token
    }
  }

  private open(): void {
    const { url, headers } = this.props;
    const gateway = new NodeWebSocket(url, 'mqtt', { ws: { handshakeTimeout: handshakeMs, headers: headers() } });
    this.gateway = gateway;
    const settle = once((error?: DialError) => {
      this.gateway = undefined;
      if (error) gateway.terminate();
      if (this.over) return;
      if (error) this.failed(error);
      else this.opened(gateway);
    });
    gateway.on('upgrade', ({ socket }) => socket.setKeepAlive(true, keepAliveDelayMs));
    gateway.on('open', () => settle());
    gateway.on('unexpected-response', (_request, { statusCode = 0 }) => settle(refused(statusCode)));
    gateway.on('error', (error) => settle(unreachable(error)));
  }

  private opened(gateway: NodeWebSocket): void {
    this.finish();
    this.line.pace.speedUp();
    this.events.onOpen(gateway);
  }

  private failed(error: DialError): void {
    this.props.metrics.dialFailures.add(error.reason);
    if (error.reason === 'throttled') this.line.pace.slowDown();
    if (error.isPassing) this.retryAfter(error);
    else this.fail(error);
  }

  /** Time is up, in the middle of an attempt or between two. */
  private late(): void {
    if (this.gateway) {
      this.lastError = new DialError('the gateway did not answer the handshake in time', 'timeout');
      this.props.metrics.dialFailures.add('timeout');
    }
    this.fail(this.lastError);
  }

  private retryAfter(error: DialError): void {
    this.lastError = error;
    const pauseMs = pauseAfter(this.attempts);
    this.events.onRetry(error, pauseMs);
    this.pause = this.props.clock.after(pauseMs, () => this.queue());
  }

  private fail(error: DialError): void {
    if (this.over) return;
    this.cancel();
    this.events.onFail(error);
  }

  private finish(): void {
    this.over = true;
    this.leaveQueue();
    this.pause?.cancel();
    this.deadline?.cancel();
  }
}

/** Twice as long each time, and anything between half of it and all, so that clients that failed together part. */
function pauseAfter(attempts: number): number {
  const most = Math.min(longestPauseMs, shortestPauseMs * 2 ** (attempts - 1));
  return Math.round(most * (0.5 + Math.random() / 2));
}

function refused(status: number): DialError {
  const message = `the gateway answered the handshake with ${status}`;
  if (status === 401 || status === 403) return new DialError(message, 'denied');
  if (status === 429 || status === 503) return new DialError(message, 'throttled');
  return new DialError(message, status >= 500 ? 'unreachable' : 'refused');
}

function unreachable(error: Error): DialError {
  const { message } = inWords(error);
  return new DialError(message, message.includes('timed out') ? 'timeout' : 'unreachable');
}

/** The first call counts: `ws` reports an error after each refusal, too. */
function once<Arguments extends unknown[]>(run: (...args: Arguments) => void): (...args: Arguments) => void {
  let done = false;
  return (...args) => {
    if (done) return;
    done = true;
    run(...args);
  };
}
