import type { Meter } from './bill';
import type { ClockTimer, LocalClock } from './clock';

/** EventBridge: runs a function at a steady pace of the local clock. However far the clock jumps, one run makes up for it. */
export class Schedule {
  private timer: ClockTimer | undefined;

  constructor(
    private readonly clock: LocalClock,
    private readonly meter: Meter,
    private readonly seconds: number,
    private readonly invoke: (event: unknown) => Promise<unknown>,
  ) {}

  start(): void {
    this.timer = this.clock.after(this.seconds * 1000, () => {
      this.start();
      this.run().catch(() => {}); // The function's error is in its log; the next run is its retry.
    });
  }

  /** One run, now; rejects when the function fails. */
  async run(): Promise<void> {
    this.meter.scheduleRan();
    await this.invoke({
      version: '0',
      source: 'aws.events',
      'detail-type': 'Scheduled Event',
      time: new Date(this.clock.now()).toISOString(),
      detail: {},
    });
  }

  stop(): void {
    this.timer?.cancel();
  }
}
