import type { Count, Measure, Metrics } from '../broker/ports/metrics';
import { basicMetrics, dimension, furtherMetrics, type MetricName, namespace, totalOf, unitOf } from './catalogue';

/** The embedded metric format allows 100 values of a metric in one line. */
const maxValuesPerLine = 100;

export interface EmfOptions {
  /** Name of the broker, the value of the one dimension. */
  readonly broker: string;
  readonly set: 'basic' | 'all';
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Writes one line. CloudWatch requires that nothing precedes or follows the JSON. */
  readonly sink: (line: string) => void;
}

/**
 * Collects the numbers of an invocation and writes them as one line in CloudWatch's embedded metric format. If a metric has
 * more values than a line allows, it writes further lines: every value is written, because a sample would lose maxima. The
 * lines contain all counts, so that Logs Insights can query them. CloudWatch makes metrics of the set only, and bills those.
 */
export class EmfMetrics implements Metrics {
  private counts = new Map<MetricName, number>();
  private measured = new Map<Measure, number[]>();
  private readonly published: readonly MetricName[];

  constructor(private readonly options: EmfOptions) {
    this.published = options.set === 'all' ? [...basicMetrics, ...furtherMetrics] : basicMetrics;
  }

  count(name: Count, amount = 1): void {
    this.add(name, amount);
    const total = totalOf(name);
    if (total) this.add(total, amount);
  }

  measure(name: Measure, value: number): void {
    if (this.measured.get(name)?.length === maxValuesPerLine) this.write();
    const values = this.measured.get(name);
    if (values) values.push(value);
    else this.measured.set(name, [value]);
  }

  write(): void {
    if (this.counts.size + this.measured.size === 0) return;
    const { broker, now, sink } = this.options;
    const values = Object.fromEntries<number | number[]>([...this.counts, ...this.measured]);
    this.counts = new Map();
    this.measured = new Map();
    const Metrics = this.published.filter((name) => name in values).map(definitionOf);
    const directive = { Namespace: namespace, Dimensions: [[dimension]], Metrics };
    sink(
      JSON.stringify({ _aws: { Timestamp: now(), CloudWatchMetrics: [directive] }, [dimension]: broker, ...values }),
    );
  }

  private add(name: MetricName, amount: number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + amount);
  }
}

function definitionOf(name: MetricName) {
  const Unit = unitOf(name);
  return { Name: name, ...(Unit && { Unit }) };
}
