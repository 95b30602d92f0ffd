import type { Meter } from './bill';
import type { ClockTimer, LocalClock } from './clock';

export interface ScheduleProps {
  readonly clock: LocalClock;
  readonly meter: Meter;
  /** Seconds between two runs. */
  readonly seconds: number;
  readonly invoke: (event: unknown) => Promise<unknown>;
}

/**
 * EventBridge Scheduler: runs a function at a fixed rate of the local clock. After a jump of the clock it runs once.
 */
export class Schedule {
  private timer: ClockTimer | undefined;

  constructor(private readonly props: ScheduleProps) {}

  start(): void {
    this.timer = this.props.clock.after(this.props.seconds * 1000, () => {
      this.start();
      this.run().catch(() => {}); // The function's error is in its log; the next run is its retry.
    });
  }

  /** Runs once now; rejects when the function fails. */
  async run(): Promise<void> {
    this.props.meter.scheduleRan();
    await this.props.invoke({
      version: '0',
      source: 'aws.events',
      'detail-type': 'Scheduled Event',
      time: new Date(this.props.clock.now()).toISOString(),
      detail: {},
    });
  }

  stop(): void {
    this.timer?.cancel();
  }
}
