import { type FunctionName, functions } from '../lambdas/deployment';

export type Service = 'dynamodb' | 'sqs' | 'connections' | 'iot' | 'events';

/** One imitated AWS call, as far as faults and permissions tell them apart. */
export interface AwsCall {
  readonly service: Service;
  /** As the SDK names it, e.g. `UpdateItem`, `SendMessageBatch`, `PostToConnection`. */
  readonly operation: string;
  readonly tables?: readonly string[];
  readonly queue?: string;
  /** Access key id of the caller; containers have one each. */
  readonly caller: string;
}

const containerKey = /^local0([a-zA-Z]+)(\d+)$/;

/** The access key id of a container: letters and digits, as AWS's are, and as some of its imitations demand. */
export function callerOf(name: FunctionName, number: number): string {
  return `local0${name}${number}`;
}

/** Which container an access key id belongs to, if to any. */
export function callerParts(caller: string): { name: FunctionName; number: number } | undefined {
  const [, name = '', number] = containerKey.exec(caller) ?? [];
  return Object.hasOwn(functions, name) ? { name: name as FunctionName, number: Number(number) } : undefined;
}

/** Access key id in a SigV4 `Authorization` header. */
export function callerIn(authorization: string | undefined): string {
  const start = authorization?.indexOf('Credential=') ?? -1;
  return start < 0 ? '' : authorization!.slice(start + 11, authorization!.indexOf('/', start));
}
