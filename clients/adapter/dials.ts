import { type Backoff, backoffMs } from '../../lambdas/shared/backoff';
import type { Headers } from '../bearer';
import { withMessage } from '../network-error';
import { NodeWebSocket } from '../node-websocket';
import type { Clock, Timer } from './clock';
import type { AdapterMetrics, DialFailure } from './metrics';
import { RateLimiter } from './rate-limiter';

/** API Gateway responds to a handshake after its integration, which may take 29 s. */
const handshakeMs = 30_000;

/** Pauses between attempts. The random half keeps clients that failed together from dialing together. */
const backoff: Backoff = { firstMs: 500, maxMs: 30_000, jitter: 0.5 };

/** Idle time before TCP keep-alive probes; TCP reports a dead gateway about ten seconds later. */
const keepAliveDelayMs = 30_000;

export interface DialProps {
  url: string;
  headers: Headers;
  /** Handshakes per second. */
  rate: number;
  /** Time limit for a successful handshake of one client, all attempts included, in milliseconds. */
  withinMs: number;
  clock: Clock;
  metrics: AdapterMetrics;
}

/** A handshake with the gateway failed. */
export class DialError extends Error {
  constructor(
    message: string,
    readonly reason: DialFailure,
  ) {
    super(message);
  }

  /** True if another attempt may succeed: the network and an overloaded gateway recover, a refusal is final. */
  get isRetryable(): boolean {
    return this.reason === 'throttled' || this.reason === 'unreachable' || this.reason === 'timeout';
  }
}

export interface DialEvents {
  onOpen(gateway: NodeWebSocket): void;
  /** The next attempt follows after a pause, in milliseconds. */
  onRetry(error: DialError, pauseMs: number): void;
  onFail(error: DialError): void;
}

/** Opens connections to the gateway for all clients: limits the rate of handshakes, and repeats failed ones with backoff. */
export class Dials {
  private readonly limiter: RateLimiter;

  constructor(readonly props: DialProps) {
    this.limiter = new RateLimiter(props.rate, props.clock);
  }

  get waitingCount(): number {
    return this.limiter.waitingCount;
  }

  /**
   * Dials until a handshake succeeds, the gateway refuses one, or the time limit is over. Clients of different addresses take
   * turns. The returned function cancels.
   */
  dial(address: string, events: DialEvents): () => void {
    const dial = new Dial({ ...this.props, limiter: this.limiter, address }, events);
    dial.start();
    return () => dial.cancel();
  }

  /** Drops all waiting clients. */
  stop(): void {
    this.limiter.stop();
  }
}

interface SingleDialProps extends DialProps {
  limiter: RateLimiter;
  /** Group of the client in the rate limiter. */
  address: string;
}

/** The attempts for one client. */
class Dial {
  private attempts = 0;
  private isFinished = false;
  private lastError = new DialError('the rate limit allowed no handshake in time', 'timeout');
  private leaveQueue = () => {};
  private gateway: NodeWebSocket | undefined;
  private pause: Timer | undefined;
  private deadline: Timer | undefined;

  constructor(
    private readonly props: SingleDialProps,
    private readonly events: DialEvents,
  ) {}

  start(): void {
    this.deadline = this.props.clock.after(this.props.withinMs, () => this.timedOut());
    this.queue();
  }

  cancel(): void {
    this.finish();
    this.gateway?.terminate();
  }

  private queue(): void {
    const { limiter, address } = this.props;
    this.leaveQueue = limiter.acquire(() => this.attempt(), address);
  }

  private attempt(): void {
    this.attempts += 1;
    this.props.metrics.dials += 1;
    try {
      this.open();
    } catch (error) {
      this.failed(new DialError((error as Error).message, 'denied')); // `headers` found no token.
    }
  }

  private open(): void {
    const { url, headers } = this.props;
    const gateway = new NodeWebSocket(url, 'mqtt', { ws: { handshakeTimeout: handshakeMs, headers: headers() } });
    this.gateway = gateway;
    const finishAttempt = once((error?: DialError) => {
      this.gateway = undefined;
      if (error) gateway.terminate();
      if (this.isFinished) return;
      if (error) this.failed(error);
      else this.opened(gateway);
    });
    gateway.on('upgrade', ({ socket }) => socket.setKeepAlive(true, keepAliveDelayMs));
    gateway.on('open', () => finishAttempt());
    gateway.on('unexpected-response', (_request, { statusCode = 0 }) => finishAttempt(refused(statusCode)));
    gateway.on('error', (error) => finishAttempt(unreachable(error)));
  }

  private opened(gateway: NodeWebSocket): void {
    this.finish();
    this.props.limiter.speedUp();
    this.events.onOpen(gateway);
  }

  private failed(error: DialError): void {
    this.props.metrics.dialFailures.add(error.reason);
    if (error.reason === 'throttled') this.props.limiter.slowDown();
    if (error.isRetryable) this.retryAfter(error);
    else this.fail(error);
  }

  /** The time limit ends, during an attempt or between two. */
  private timedOut(): void {
    if (this.gateway) {
      this.lastError = new DialError('the gateway did not answer the handshake in time', 'timeout');
      this.props.metrics.dialFailures.add('timeout');
    }
    this.fail(this.lastError);
  }

  private retryAfter(error: DialError): void {
    this.lastError = error;
    const pauseMs = Math.round(backoffMs(this.attempts, backoff));
    this.events.onRetry(error, pauseMs);
    this.pause = this.props.clock.after(pauseMs, () => this.queue());
  }

  private fail(error: DialError): void {
    if (this.isFinished) return;
    this.cancel();
    this.events.onFail(error);
  }

  private finish(): void {
    this.isFinished = true;
    this.leaveQueue();
    this.pause?.cancel();
    this.deadline?.cancel();
  }
}

function refused(status: number): DialError {
  const message = `the gateway answered the handshake with ${status}`;
  if (status === 401 || status === 403) return new DialError(message, 'denied');
  if (status === 429 || status === 503) return new DialError(message, 'throttled');
  return new DialError(message, status >= 500 ? 'unreachable' : 'refused');
}

function unreachable(error: Error): DialError {
  const { message } = withMessage(error);
  return new DialError(message, message.includes('timed out') ? 'timeout' : 'unreachable');
}

/** Only the first call has an effect: after a refusal `ws` also reports an error. */
function once<Arguments extends unknown[]>(run: (...args: Arguments) => void): (...args: Arguments) => void {
  let done = false;
  return (...args) => {
    if (done) return;
    done = true;
    run(...args);
  };
}
