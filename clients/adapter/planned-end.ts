import type { Clock, Timer } from './clock';

/** Interval of the check whether the connection is idle. */
const checkMs = 250;

/** Maximum delay of the end for an idle moment. */
const maxDelayMs = 60_000;

export interface PlannedEndProps {
  clock: Clock;
  /** Maximum age of the connection in milliseconds; 0 leaves the end to API Gateway. */
  maxAgeMs: number;
  /** True if no exchange is incomplete and nothing is sent in part. */
  isIdle(): boolean;
  end(): void;
}

/** Ends a connection before API Gateway does, at a moment when it is idle. */
export class PlannedEnd {
  private timer: Timer | undefined;

  constructor(private readonly props: PlannedEndProps) {}

  /** Plans the end at a random time in the last tenth of the age, so that clients that connected together do not reconnect together. */
  start(): void {
    const { clock, maxAgeMs } = this.props;
    if (maxAgeMs === 0) return;
    const ageMs = maxAgeMs * (0.9 + Math.random() / 10);
    this.timer = clock.after(ageMs, () => this.endWhenIdle(clock.now() + maxDelayMs));
  }

  stop(): void {
    this.timer?.cancel();
  }

  private endWhenIdle(latest: number): void {
    const { clock, isIdle, end } = this.props;
    if (isIdle() || clock.now() >= latest) end();
    else this.timer = clock.after(checkMs, () => this.endWhenIdle(latest));
  }
}
