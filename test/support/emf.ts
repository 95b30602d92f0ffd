/** A parsed line of the CloudWatch embedded metric format. */
export interface MetricLine {
  readonly dimensions: Record<string, string>;
  /** Metrics by name, with one or several values. */
  readonly metrics: Record<string, number[]>;
  /** All numeric fields of the line, including those that are no metrics. */
  readonly values: Record<string, number[]>;
}

interface Document extends Record<string, unknown> {
  readonly _aws: { readonly Timestamp: number; readonly CloudWatchMetrics: Directive[] };
}

interface Directive {
  readonly Namespace: string;
  readonly Dimensions: string[][];
  readonly Metrics: { readonly Name: string; readonly Unit?: string; readonly StorageResolution?: number }[];
}

const units = ['Bytes', 'Milliseconds', 'Count', 'None'];

/**
 * Parses a line. Throws if it violates the specification:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function readMetricLine(text: string): MetricLine {
  const line = JSON.parse(text) as Document; // throws if other text is on the line
  demand(Buffer.byteLength(text) <= 262_144, 'a log event has at most 256 KB');
  demand(Object.keys(line._aws).sort().join() === 'CloudWatchMetrics,Timestamp', 'members of _aws');
  demand(Number.isInteger(line._aws.Timestamp) && line._aws.Timestamp > 1.6e12, 'Timestamp in milliseconds');
  demand(Array.isArray(line._aws.CloudWatchMetrics), 'CloudWatchMetrics is a list');
  for (const directive of line._aws.CloudWatchMetrics) checkDirective(directive, line);
  const defined = line._aws.CloudWatchMetrics.flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name));
  const names = line._aws.CloudWatchMetrics.flatMap(({ Dimensions }) => Dimensions.flat());
  const numbers = Object.entries(line).filter(([name]) => name !== '_aws' && !names.includes(name));
  const values = Object.fromEntries(numbers.map(([name, value]) => [name, [value].flat() as number[]]));
  return {
    dimensions: Object.fromEntries(names.map((name) => [name, line[name] as string])),
    metrics: Object.fromEntries(defined.map((name) => [name, values[name] ?? []])),
    values,
  };
}

function checkDirective({ Namespace, Dimensions, Metrics, ...others }: Directive, line: Document): void {
  demand(Object.keys(others).length === 0, 'members of a directive');
  demand(/^[\w.\-/#]{1,1024}$/.test(Namespace), 'Namespace');
  demand(Dimensions.length > 0 && Dimensions.every((set) => set.length <= 30), 'Dimensions');
  for (const name of Dimensions.flat()) {
    const value = line[name];
    demand(typeof value === 'string' && value.length >= 1 && value.length <= 1024, `value of dimension ${name}`);
  }
  demand(Metrics.length <= 100, 'at most 100 metrics in a directive');
  for (const { Name, Unit, ...more } of Metrics) {
    demand(Object.keys(more).length === 0, 'members of a metric');
    demand(Unit === undefined || units.includes(Unit), `unit ${Unit}`);
    const values = [line[Name]].flat();
    demand(values.length >= 1 && values.length <= 100, `${Name} has at most 100 values`);
    demand(values.every(Number.isFinite), `${Name} is numbers`);
  }
}

function demand(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`not valid: ${what}`);
}
