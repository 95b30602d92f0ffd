import {
  type BridgeFunctionName,
  type BridgeQueueName,
  type FunctionName,
  functions,
  type QueueName,
  queues,
} from '../lambdas/deployment';

/** One value for each function or queue; those of the bridge are there only when it is. */
export type ByFunction<Value> = Deployed<FunctionName, BridgeFunctionName, Value>;
export type ByQueue<Value> = Deployed<QueueName, BridgeQueueName, Value>;

type Deployed<Name extends string, Optional extends Name, Value> = {
  readonly [Key in Exclude<Name, Optional>]: Value;
} & { readonly [Key in Optional]?: Value };

export function byFunction<Value>(hasBridge: boolean, create: (name: FunctionName) => Value): ByFunction<Value> {
  return Object.fromEntries(
    deployed(functions, hasBridge).map((name) => [name, create(name)]),
  ) as unknown as ByFunction<Value>;
}

export function byQueue<Value>(hasBridge: boolean, create: (name: QueueName) => Value): ByQueue<Value> {
  return Object.fromEntries(
    deployed(queues, hasBridge).map((name) => [name, create(name)]),
  ) as unknown as ByQueue<Value>;
}

function deployed<Name extends string>(
  specs: { readonly [Key in Name]: { readonly part?: 'bridge' } },
  hasBridge: boolean,
): Name[] {
  return (Object.keys(specs) as Name[]).filter((name) => specs[name].part === undefined || hasBridge);
}
