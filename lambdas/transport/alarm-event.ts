/** The event of a CloudWatch alarm that changes its state, with the fields that are read here. */
export interface AlarmEvent {
  readonly alarmData: {
    readonly alarmName: string;
    readonly configuration: {
      readonly metrics: readonly { readonly metricStat?: { readonly metric: { readonly name: string } } }[];
    };
  };
}

/** The names of the metrics of the alarm. */
export function metricsOf({ alarmData }: AlarmEvent): string[] {
  return alarmData.configuration.metrics.flatMap(({ metricStat }) => metricStat?.metric.name ?? []);
}
