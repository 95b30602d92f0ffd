import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** Distribution of the time from publish to arrival, in milliseconds. */
export interface Latency {
  readonly min: number;
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Counters of a period, in the form of the JSON output. */
export interface Counts {
  readonly seconds: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly received: number;
  /** Messages that arrived again, or after a later message of the same publisher. */
  readonly repeated: number;
  readonly lostConnections: number;
  /** Absent if no message was received. */
  readonly latency?: Latency;
}

const zeroCounts = { sent: 0, acknowledged: 0, received: 0, repeated: 0, lostConnections: 0 };

/** Counts messages and latencies of a period. */
export class LoadCounters {
  readonly counts = { ...zeroCounts };
  // Records microseconds, with three significant digits.
  private readonly histogram: RecordableHistogram = createHistogram({ figures: 3 });
  private start = performance.now();

  recordReceived(milliseconds: number): void {
    this.counts.received += 1;
    this.histogram.record(Math.max(1, Math.round(milliseconds * 1_000)));
  }

  /** Returns the counts since construction or the last reset. */
  read(): Counts {
    const seconds = (performance.now() - this.start) / 1_000;
    return { seconds, ...this.counts, ...(this.counts.received > 0 && { latency: this.latency() }) };
  }

  reset(): void {
    Object.assign(this.counts, zeroCounts);
    this.histogram.reset();
    this.start = performance.now();
  }

  private latency(): Latency {
    const at = (percent: number) => this.histogram.percentile(percent) / 1_000;
    const { min, max } = this.histogram;
    return { min: min / 1_000, median: at(50), p90: at(90), p99: at(99), max: max / 1_000 };
  }
}
