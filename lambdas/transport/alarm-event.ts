/** What CloudWatch invokes a function with when an alarm changes its state, as far as it is read here. */
export interface AlarmEvent {
  readonly alarmData: {
    readonly alarmName: string;
    readonly configuration: {
      readonly metrics: readonly { readonly metricStat?: { readonly metric: { readonly name: string } } }[];
    };
  };
}

/** The names of the metrics that the alarm watches. */
export function metricsOf({ alarmData }: AlarmEvent): string[] {
  return alarmData.configuration.metrics.flatMap(({ metricStat }) => metricStat?.metric.name ?? []);
}
