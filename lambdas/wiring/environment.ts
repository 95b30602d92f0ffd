import type { LeanClientOptions } from '../aws/json-client';
import { LeanSqs, type Sqs } from '../aws/lean-sqs';
import type { Credentials } from '../aws/signature';
import type { Log } from '../broker/ports';
import { type QueueName, queues } from '../deployment';
import { type TableName, tableVariable } from '../storage/schema';

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

/** Where and how DynamoDB is called. */
export function dynamoDbOptions(environment: NodeJS.ProcessEnv, attempts: number): LeanClientOptions {
  const region = regionIn(environment);
  const endpoint = environment.AWS_ENDPOINT_URL_DYNAMODB ?? `https://dynamodb.${region}.${domainOf(region)}`;
  return { endpoint, region, credentials: credentialsIn(environment), maxAttempts: attempts };
}

/** China's Regions are under a domain of their own. */
function domainOf(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
}

export function sqsFor(environment: NodeJS.ProcessEnv): Sqs {
  return new LeanSqs({
    endpoint: environment.AWS_ENDPOINT_URL_SQS,
    region: regionIn(environment),
    credentials: credentialsIn(environment),
    maxAttempts,
  });
}

export const log: Log = (event, fields) => console.log(JSON.stringify({ event, ...fields }));
