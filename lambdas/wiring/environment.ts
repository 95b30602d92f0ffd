import { type Metrics, noMetrics } from '../broker/ports/metrics';
import type { Log } from '../broker/ports/process';
import { brokerVariable, type QueueName, queues } from '../deployment';
import { asciiJson } from '../protocol/ascii-json';
import { settingsFromEnvironment } from '../settings';
import { type TableName, tableVariable } from '../storage/schema';
import { EmfMetrics } from '../telemetry/emf-metrics';

/**
 * The deployed name of a table. A function without the variable has no grant for the table, which is an error only when
 * the function uses it.
 */
export function tableIn(environment: NodeJS.ProcessEnv, name: TableName): string {
  return environment[tableVariable(name)] ?? `(no ${tableVariable(name)})`;
}

/** The URL of a queue. An absent variable is an error only when the function sends to the queue. */
export function queueIn(environment: NodeJS.ProcessEnv, name: QueueName): string {
  return environment[queues[name].variable] ?? `(no ${queues[name].variable})`;
}

export const log: Log = (event, fields) => console.log(asciiJson({ event, ...fields }));

/**
 * The metrics of this container. They are written to standard output directly: Lambda's `console` prefixes a line with time and
 * request id, and CloudWatch reads metrics only from a line that is JSON from its beginning.
 */
export function metricsFor(environment: NodeJS.ProcessEnv): Metrics {
  const { metrics: set } = settingsFromEnvironment(environment);
  if (set === 'off') return noMetrics;
  const broker = environment[brokerVariable] ?? '';
  return new EmfMetrics({ broker, set, now: () => Date.now(), sink: (line) => process.stdout.write(`${line}\n`) });
}
