import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** Milliseconds from publishing a message to its arrival. */
export interface Latency {
  readonly min: number;
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** What happened in some time. */
export interface Counts {
  readonly seconds: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly received: number;
  /** What arrived again, or behind a later message of its publisher. */
  readonly repeated: number;
  readonly lostConnections: number;
  /** Absent when nothing was received. */
  readonly latency?: Latency;
}

const nothing = { sent: 0, acknowledged: 0, received: 0, repeated: 0, lostConnections: 0 };

/** Counts what happens in a span of time. */
export class Tally {
  readonly counts = { ...nothing };
  // In microseconds, and to three digits: `perf_hooks` keeps no single values.
  private readonly histogram: RecordableHistogram = createHistogram({ figures: 3 });
  private start = performance.now();

  arrived(milliseconds: number): void {
    this.counts.received += 1;
    this.histogram.record(Math.max(1, Math.round(milliseconds * 1_000)));
  }

  /** What was counted since the start, or since the last reset. */
  read(): Counts {
    const seconds = (performance.now() - this.start) / 1_000;
    return { seconds, ...this.counts, ...(this.counts.received > 0 && { latency: this.latency() }) };
  }

  reset(): void {
    Object.assign(this.counts, nothing);
    this.histogram.reset();
    this.start = performance.now();
  }

  private latency(): Latency {
    const at = (percent: number) => this.histogram.percentile(percent) / 1_000;
    const { min, max } = this.histogram;
    return { min: min / 1_000, median: at(50), p90: at(90), p99: at(99), max: max / 1_000 };
  }
}
