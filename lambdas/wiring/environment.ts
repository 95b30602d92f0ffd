import type { LeanClientOptions } from '../aws/lean/json-client';
import { LeanSqs, type Sqs } from '../aws/lean/lean-sqs';
import type { Credentials } from '../aws/lean/signature';
import { type Metrics, noMetrics } from '../broker/ports/metrics';
import type { Log } from '../broker/ports/process';
import { brokerVariable, type QueueName, queues } from '../deployment';
import { asciiJson } from '../protocol/ascii-json';
import { settingsFromEnvironment } from '../settings';
import { type TableName, tableVariable } from '../storage/schema';
import { EmfMetrics } from '../telemetry/emf-metrics';

/** Attempts at one AWS call. DynamoDB and SQS throttle for moments; a longer outage is for the queue's redelivery. */
export const maxAttempts = 5;

/**
 * The deployed name of a table. A function that lacks a variable was not granted what stands behind it, so that is
 * complained of only when it is used.
 */
export function tableIn(environment: NodeJS.ProcessEnv, name: TableName): string {
  return environment[tableVariable(name)] ?? `(no ${tableVariable(name)})`;
}

/** The URL of a queue. */
export function queueIn(environment: NodeJS.ProcessEnv, name: QueueName): string {
  return environment[queues[name].variable] ?? `(no ${queues[name].variable})`;
}

export function regionIn(environment: NodeJS.ProcessEnv): string {
  return environment.AWS_REGION ?? '';
}

/** Lambda gives each container credentials for its lifetime. */
export function credentialsIn(environment: NodeJS.ProcessEnv): Credentials {
  return {
    accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
    sessionToken: environment.AWS_SESSION_TOKEN,
  };
}

/** Endpoint of a service instead of AWS's, under the names that the AWS SDKs have for it; an empty value is none. */
export function endpointIn(
  environment: NodeJS.ProcessEnv,
  service: 'DYNAMODB' | 'SQS' | 'EVENTBRIDGE' | 'APIGATEWAYV2',
): string | undefined {
  return environment[`AWS_ENDPOINT_URL_${service}`] || environment.AWS_ENDPOINT_URL || undefined;
}

/** Where and how DynamoDB is called. */
export function dynamoDbOptions(environment: NodeJS.ProcessEnv, attempts: number, metrics: Metrics): LeanClientOptions {
  const options = leanOptions(environment, attempts, metrics);
  const { region } = options;
  const endpoint = endpointIn(environment, 'DYNAMODB') ?? `https://dynamodb.${region}.${domainOf(region)}`;
  return { ...options, endpoint };
}

/** How any service is called. */
export function leanOptions(environment: NodeJS.ProcessEnv, attempts: number, metrics: Metrics) {
  const onThrottle = () => metrics.count('ThrottledCalls');
  return { region: regionIn(environment), credentials: credentialsIn(environment), maxAttempts: attempts, onThrottle };
}

/** Domains of partitions, by what the names of their Regions begin with; all others are below `amazonaws.com`. */
const domains = {
  'cn-': 'amazonaws.com.cn',
  'eusc-': 'amazonaws.eu',
  'us-iso-': 'c2s.ic.gov',
  'us-isob-': 'sc2s.sgov.gov',
  'us-isof-': 'csp.hci.ic.gov',
  'eu-isoe-': 'cloud.adc-e.uk',
};

/** Domain of the endpoints of a Region. */
export function domainOf(region: string): string {
  return Object.entries(domains).find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'amazonaws.com';
}

export function sqsFor(environment: NodeJS.ProcessEnv, metrics: Metrics): Sqs {
  return new LeanSqs({
    ...leanOptions(environment, maxAttempts, metrics),
    endpoint: endpointIn(environment, 'SQS'),
  });
}

export const log: Log = (event, fields) => console.log(asciiJson({ event, ...fields }));

/**
 * The numbers of this container. They go to standard output itself: Lambda's `console` puts the time and the request before a
 * line, and CloudWatch reads metrics only from a line that is JSON from its beginning.
 */
export function metricsFor(environment: NodeJS.ProcessEnv): Metrics {
  const { metrics: set } = settingsFromEnvironment(environment);
  if (set === 'off') return noMetrics;
  const broker = environment[brokerVariable] ?? '';
  return new EmfMetrics({ broker, set, now: () => Date.now(), sink: (line) => process.stdout.write(`${line}\n`) });
}
