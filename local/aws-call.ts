import type { FunctionName } from '../lambdas/deployment';

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

const containerKey = /^local-([a-zA-Z]+)-(\d+)$/;

/** The access key id of a container. */
export function callerOf(name: FunctionName, number: number): string {
  return `local-${name}-${number}`;
}

/** Which container an access key id belongs to, if to any. */
export function callerParts(caller: string): { name: FunctionName; number: number } | undefined {
  const match = containerKey.exec(caller);
  return match ? { name: match[1] as FunctionName, number: Number(match[2]) } : undefined;
}

/** Access key id in a SigV4 `Authorization` header. */
export function callerIn(authorization: string | undefined): string {
  const start = authorization?.indexOf('Credential=') ?? -1;
  return start < 0 ? '' : authorization!.slice(start + 11, authorization!.indexOf('/', start));
}
