import { type FunctionName, functions } from '../lambdas/deployment';

export type Service = 'dynamodb' | 'sqs' | 'connections' | 'iot' | 'events';

/** An imitated AWS call, with the properties that faults and permissions distinguish. */
export interface AwsCall {
  readonly service: Service;
  /** Name in the SDK, for example `UpdateItem`, `SendMessageBatch` or `PostToConnection`. */
  readonly operation: string;
  readonly tables?: readonly string[];
  readonly queue?: string;
  /** Access key id of the caller; each container has its own. */
  readonly caller: string;
}

const containerKey = /^local0([a-zA-Z]+)(\d+)$/;

/**
 * Returns the access key id of a container. Like those of AWS it has only letters and digits, which some DynamoDB
 * imitations require.
 */
export function callerOf(name: FunctionName, number: number): string {
  return `local0${name}${number}`;
}

/** Returns the container of an access key id; undefined when it belongs to none. */
export function callerParts(caller: string): { name: FunctionName; number: number } | undefined {
  const [, name = '', number] = containerKey.exec(caller) ?? [];
  return Object.hasOwn(functions, name) ? { name: name as FunctionName, number: Number(number) } : undefined;
}

/** Returns the access key id in a SigV4 `Authorization` header. */
export function callerIn(authorization: string | undefined): string {
  const start = authorization?.indexOf('Credential=') ?? -1;
  return start < 0 ? '' : authorization!.slice(start + 11, authorization!.indexOf('/', start));
}
