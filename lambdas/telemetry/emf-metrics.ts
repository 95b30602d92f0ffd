import type { Count, Measure, Metrics } from '../broker/ports/metrics';
import { basicMetrics, dimension, furtherMetrics, type MetricName, namespace, totalOf, units } from './catalogue';

/** Embedded metric format: a metric has at most 100 values in one line. */
const valuesInLine = 100;

export interface EmfOptions {
  /** Name of the broker, the one dimension. */
  readonly broker: string;
  readonly set: 'basic' | 'all';
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Takes one line; CloudWatch wants nothing before or behind its JSON. */
  readonly sink: (line: string) => void;
}

/**
 * Gathers the numbers of an invocation and writes them as one line in CloudWatch's embedded metric format, and as further
 * lines where a metric has more values than one line takes: every value is written, since a sample would lose maxima. All
 * that was counted is in the lines and can be queried there; what CloudWatch is told to make metrics of, and bills, is the
 * set.
 */
export class EmfMetrics implements Metrics {
  private counts = new Map<MetricName, number>();
  private measured = new Map<Measure, number[]>();
  private readonly chosen: readonly MetricName[];

  constructor(private readonly options: EmfOptions) {
    this.chosen = options.set === 'all' ? [...basicMetrics, ...furtherMetrics] : basicMetrics;
  }

  count(name: Count, amount = 1): void {
    this.add(name, amount);
    const total = totalOf(name);
    if (total) this.add(total, amount);
  }

  measure(name: Measure, value: number): void {
    if (this.measured.get(name)?.length === valuesInLine) this.write();
    const known = this.measured.get(name);
    if (known) known.push(value);
    else this.measured.set(name, [value]);
  }

  write(): void {
    if (this.counts.size + this.measured.size === 0) return;
    const { broker, now, sink } = this.options;
    const values = Object.fromEntries<number | number[]>([...this.counts, ...this.measured]);
    this.counts = new Map();
    this.measured = new Map();
    const Metrics = this.chosen.filter((name) => name in values).map(definition);
    const directive = { Namespace: namespace, Dimensions: [[dimension]], Metrics };
    sink(
      JSON.stringify({ _aws: { Timestamp: now(), CloudWatchMetrics: [directive] }, [dimension]: broker, ...values }),
    );
  }

  private add(name: MetricName, amount: number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + amount);
  }
}

function definition(name: MetricName) {
  const Unit = units[name];
  return { Name: name, ...(Unit && { Unit }) };
}
