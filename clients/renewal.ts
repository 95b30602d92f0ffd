/** A connection is idle if nothing has been sent or received for this long; answers rarely take longer. */
const IDLE_MS = 2_000;

/** Interval of the check whether the connection is idle. */
const CHECK_MS = 500;

/** A connection that is never idle ends after this time, so that busy connections of a fleet stay spread over the time span. */
const MAX_DELAY_MS = 60_000;

/** Ends one connection at a random age, when it is idle. */
export class Renewal {
  private timer?: ReturnType<typeof setTimeout>;
  private lastAt = 0;
  private dueAt = 0;

  /**
   * @param span range of the age in seconds; the actual one is random
   * @param isEmpty true if no packet is unsent or sent in part
   * @param renew ends the connection; called at most once
   */
  constructor(
    private readonly span: readonly [earliest: number, latest: number],
    private readonly isEmpty: () => boolean,
    private readonly renew: () => void,
  ) {}

  /** The connection has opened. */
  start(): void {
    const [earliest, latest] = this.span;
    const dueMs = (earliest + Math.random() * (latest - earliest)) * 1_000;
    this.dueAt = Date.now() + dueMs;
    this.timer = setTimeout(this.renewIfIdle, dueMs);
  }

  /** Something was sent or received. */
  touch(): void {
    this.lastAt = Date.now();
  }

  /** The connection has ended. */
  stop(): void {
    clearTimeout(this.timer);
  }

  private readonly renewIfIdle = (): void => {
    const now = Date.now();
    const isIdle = now - this.lastAt >= IDLE_MS && this.isEmpty();
    if (isIdle || now - this.dueAt >= MAX_DELAY_MS) this.renew();
    else this.timer = setTimeout(this.renewIfIdle, CHECK_MS);
  };
}
