/** A connection counts as quiet when nothing has passed for this long: an answer is seldom later. */
const QUIET_MS = 2_000;

/** How often to look whether it is. */
const LOOK_MS = 500;

/** One that never is ends nevertheless, so that many that are busy stay as spread as their random moments. */
const PATIENCE_MS = 60_000;

/** Ends one connection at a random, quiet moment of its old age. */
export class Renewal {
  private timer?: ReturnType<typeof setTimeout>;
  private lastAt = 0;
  private dueAt = 0;

  /**
   * @param span seconds of age, of which a random one is taken
   * @param isWhole whether nothing is half sent
   * @param renew called once at most
   */
  constructor(
    private readonly span: readonly [earliest: number, latest: number],
    private readonly isWhole: () => boolean,
    private readonly renew: () => void,
  ) {}

  /** The connection is open. */
  start(): void {
    const [earliest, latest] = this.span;
    const dueMs = (earliest + Math.random() * (latest - earliest)) * 1_000;
    this.dueAt = Date.now() + dueMs;
    this.timer = setTimeout(this.look, dueMs);
  }

  /** Something was sent or received. */
  touch(): void {
    this.lastAt = Date.now();
  }

  /** The connection has ended. */
  stop(): void {
    clearTimeout(this.timer);
  }

  private readonly look = (): void => {
    const now = Date.now();
    const isQuiet = now - this.lastAt >= QUIET_MS && this.isWhole();
    if (isQuiet || now - this.dueAt >= PATIENCE_MS) this.renew();
    else this.timer = setTimeout(this.look, LOOK_MS);
  };
}
