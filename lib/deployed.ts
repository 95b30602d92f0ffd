import {
  type ApiFunctionName,
  type BridgeFunctionName,
  type BridgeQueueName,
  type FunctionName,
  functions,
  type Part,
  type QueueName,
  queues,
  type SystemTopicsFunctionName,
} from '../lambdas/deployment';

/** One value for each function; undefined for a function of an optional part that is not deployed. */
export type ByFunction<Value> = Deployed<
  FunctionName,
  BridgeFunctionName | ApiFunctionName | SystemTopicsFunctionName,
  Value
>;
/** One value for each queue; undefined for a queue of an optional part that is not deployed. */
export type ByQueue<Value> = Deployed<QueueName, BridgeQueueName, Value>;

type Deployed<Name extends string, Optional extends Name, Value> = {
  readonly [Key in Exclude<Name, Optional>]: Value;
} & { readonly [Key in Optional]?: Value };

/** Creates one value for each deployed function. */
export function byFunction<Value>(parts: ReadonlySet<Part>, create: (name: FunctionName) => Value): ByFunction<Value> {
  return Object.fromEntries(
    deployed(functions, parts).map((name) => [name, create(name)]),
  ) as unknown as ByFunction<Value>;
}

/** Creates one value for each deployed queue. */
export function byQueue<Value>(parts: ReadonlySet<Part>, create: (name: QueueName) => Value): ByQueue<Value> {
  return Object.fromEntries(deployed(queues, parts).map((name) => [name, create(name)])) as unknown as ByQueue<Value>;
}

function deployed<Name extends string>(
  specs: { readonly [Key in Name]: { readonly part?: Part } },
  parts: ReadonlySet<Part>,
): Name[] {
  return (Object.keys(specs) as Name[]).filter((name) => isIncluded(specs[name], parts));
}

function isIncluded({ part }: { readonly part?: Part }, parts: ReadonlySet<Part>): boolean {
  return part === undefined || parts.has(part);
}
