import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { type FunctionName, functions, type QueueName, queues } from '../lambdas/deployment';
import { BrokerFunction } from './broker-function';
import type { BrokerTables } from './broker-tables';
import { bundlingOptions } from './bundling';
import { constructId } from './by-name';
import type { Configuration } from './configuration';
import { type ByFunction, type ByQueue, byFunction } from './deployed';
import type { EventTarget } from './event-bus';
import type { BrokerOptions } from './options';
import { retentionOf } from './retention';
import type { WebsocketGateway } from './websocket-gateway';

export interface BrokerFunctionsProps {
  readonly options: BrokerOptions;
  readonly configuration: Configuration;
  readonly tables: BrokerTables['tables'];
  readonly queues: ByQueue<Queue>;
}

/** Creates the functions of a broker, each with its memory, concurrency and environment. */
export function createFunctions(scope: Construct, props: BrokerFunctionsProps): ByFunction<BrokerFunction> {
  const { options, configuration, tables, queues } = props;
  return byFunction(configuration.parts, (name) => {
    return new BrokerFunction(scope, constructId(name), {
      name,
      memoryMb: memoryMb(name, options),
      reservedConcurrency: reservedConcurrency(name, options),
      isTraced: options.tracing === 'on',
      environment: configuration.environmentOf(name),
      bundling: bundlingOptions(options),
      tables,
      queues,
      ...retentionOf(options),
    });
  });
}

export interface FunctionLinks {
  readonly gateway: WebsocketGateway;
  readonly queues: ByQueue<Queue>;
  /** Maximum concurrent invocations of `onPackets`. */
  readonly maxConcurrency: number;
  /** Undefined without an events file. */
  readonly events: EventTarget | undefined;
}

/** Attaches functions to resources that depend on functions themselves: the gateway, the event bus and the consumed queues. */
export function attachFunctions(deployed: ByFunction<BrokerFunction>, links: FunctionLinks): void {
  for (const each of Object.values(deployed)) {
    each.allowConnections(links.gateway);
    if (links.events) each.allowEvents(links.events);
  }
  for (const [name, queue] of Object.entries(links.queues) as [QueueName, Queue][]) {
    const maxConcurrency = name === 'packets' ? links.maxConcurrency : undefined;
    deployed[queues[name].consumer]?.consume(name, queue, maxConcurrency);
  }
}

function memoryMb(name: FunctionName, { onPacketsMemoryMb, onFanOutMemoryMb }: BrokerOptions): number {
  if (name === 'onPackets') return onPacketsMemoryMb;
  if (name === 'onFanOut') return onFanOutMemoryMb;
  return functions[name].memoryMb;
}

function reservedConcurrency(name: FunctionName, { connectConcurrency }: BrokerOptions): number | undefined {
  return name === 'onConnect' && connectConcurrency > 0 ? connectConcurrency : undefined;
}
