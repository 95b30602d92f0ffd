import { EmfMetrics } from '../lambdas/telemetry/emf-metrics';

/** Duration of the metrics of one invocation that delivers a QoS 1 message to one subscriber, in microseconds. */
export function microsecondsPerInvocation(invocations = 200_000): {
  readonly microseconds: number;
  readonly bytes: number;
} {
  let bytes = 0;
  const sink = (line: string) => {
    bytes = line.length;
  };
  const metrics = new EmfMetrics({ broker: 'cirrus-mqtt', set: 'basic', now: () => Date.now(), sink });
  const begin = process.hrtime.bigint();
  for (let count = 0; count < invocations; count++) {
    metrics.count('MessagesInQos1');
    metrics.count('BytesIn', 100);
    metrics.measure('Recipients', 1);
    metrics.count('MessagesOutQos1');
    metrics.count('BytesOut', 100);
    metrics.measure('DeliveryLatency', 40);
    metrics.write();
  }
  return { microseconds: Number(process.hrtime.bigint() - begin) / 1000 / invocations, bytes };
}
