import type { FunctionName, QueueName } from '../lambdas/deployment';
import { functions, queues } from '../lambdas/deployment';
import { prices } from '../lambdas/prices';
import type { LocalClock } from './clock';

export { prices };

/** AWS's charges for everything since the start or the last reset. */
export interface Bill {
  readonly dollars: number;
  readonly gateway: {
    /** Frames received from clients, and sent calls of PostToConnection. */
    readonly frames: number;
    readonly posts: number;
    /** The same in AWS's metering units of 32 KB. */
    readonly messagesIn: number;
    readonly messagesOut: number;
    readonly connects: number;
    readonly connectionMinutes: number;
    readonly dollars: number;
  };
  /** Requests to the API for backends, in AWS's metering units of 512 KB. */
  readonly api: { readonly requests: number; readonly dollars: number };
  readonly sqs: {
    /** Requests in AWS's metering units of 64 KB. */
    readonly requests: number;
    readonly queues: { readonly [Name in QueueName]: QueueUsage };
    readonly dollars: number;
  };
  readonly lambda: {
    readonly invocations: number;
    readonly gbSeconds: number;
    readonly functions: { readonly [Name in FunctionName]: FunctionUsage };
    readonly dollars: number;
  };
  readonly dynamodb: {
    /** Read and write request units. */
    readonly reads: number;
    readonly writes: number;
    readonly calls: number;
    /** By table, then by operation. A batch over several tables counts as a call of each. */
    readonly tables: DynamoDbUsage;
    readonly dollars: number;
  };
  readonly scheduler: { readonly invocations: number; readonly dollars: number };
  /** Costs of the bridge at AWS IoT Core, without messages that devices send and receive there. */
  readonly iot: IotUsage & { readonly dollars: number };
  /** Events put on a bus, in AWS's metering units of 64 KB. */
  readonly events: { readonly entries: number; readonly dollars: number };
}

export interface QueueUsage {
  /** Metered requests. */
  send: number;
  receive: number;
  delete: number;
  /** Sent messages. */
  messages: number;
}

export interface FunctionUsage {
  invocations: number;
  errors: number;
  coldStarts: number;
  milliseconds: number;
}

export interface IotUsage {
  /** Published messages, and the same in AWS's metering units of 5 KB, where a retained message counts twice. */
  publishes: number;
  messages: number;
  /** Triggered rules and executed actions, in units of 5 KB. */
  rules: number;
  actions: number;
}

export interface OperationUsage {
  calls: number;
  reads: number;
  writes: number;
}

export type DynamoDbUsage = Record<string, Record<string, OperationUsage>>;

const gatewayStep = 32 * 1024;
const sqsStep = 64 * 1024;
const iotStep = 5 * 1024;
const apiStep = 512 * 1024;
const eventStep = 64 * 1024;

function steps(bytes: number, step: number): number {
  return Math.max(1, Math.ceil(bytes / step));
}

/** Counts the usage of the imitated services. DynamoDB counts its own usage, which is added when the bill is read. */
export class Meter {
  private gateway = freshGateway();
  private queues = freshQueues();
  private functions = freshFunctions();
  private iot = freshIot();
  private scheduled = 0;
  private apiRequests = 0;
  private events = 0;
  private open = 0;
  private connectionMilliseconds = 0;
  private countedUntil: number;

  constructor(private readonly clock: LocalClock) {
    this.countedUntil = clock.now();
  }

  frame(bytes: number): void {
    this.gateway.frames += 1;
    this.gateway.messagesIn += steps(bytes, gatewayStep);
  }

  post(bytes: number): void {
    this.gateway.posts += 1;
    this.gateway.messagesOut += steps(bytes, gatewayStep);
  }

  apiRequest(bytes: number): void {
    this.apiRequests += steps(bytes, apiStep);
  }

  connected(): void {
    this.countConnectionTime();
    this.gateway.connects += 1;
    this.open += 1;
  }

  disconnected(): void {
    this.countConnectionTime();
    this.open -= 1;
  }

  sent(queue: QueueName, bytes: number, messages = 1): void {
    this.queues[queue].messages += messages;
    this.queues[queue].send += steps(bytes, sqsStep);
  }

  received(queue: QueueName, bytes: number): void {
    this.queues[queue].receive += steps(bytes, sqsStep);
  }

  deleted(queue: QueueName): void {
    this.queues[queue].delete += 1;
  }

  invoked(name: FunctionName, usage: { milliseconds: number; failed: boolean; coldStart: boolean }): void {
    const total = this.functions[name];
    total.invocations += 1;
    total.errors += Number(usage.failed);
    total.coldStarts += Number(usage.coldStart);
    total.milliseconds += Math.ceil(usage.milliseconds); // Lambda bills whole milliseconds
  }

  iotPublished(bytes: number, { retain }: { readonly retain: boolean }): void {
    this.iot.publishes += 1;
    this.iot.messages += steps(bytes, iotStep) * (retain ? 2 : 1);
  }

  ruleTriggered(bytes: number): void {
    this.iot.rules += steps(bytes, iotStep);
    this.iot.actions += steps(bytes, iotStep);
  }

  scheduleRan(): void {
    this.scheduled += 1;
  }

  putEvent(bytes: number): void {
    this.events += steps(bytes, eventStep);
  }

  reset(): void {
    this.countConnectionTime();
    this.gateway = freshGateway();
    this.queues = freshQueues();
    this.functions = freshFunctions();
    this.iot = freshIot();
    this.scheduled = 0;
    this.apiRequests = 0;
    this.events = 0;
    this.connectionMilliseconds = 0;
  }

  read(tables: DynamoDbUsage): Bill {
    const parts = {
      gateway: this.gatewayBill(),
      api: { requests: this.apiRequests, dollars: this.apiRequests * prices.apiRequest },
      sqs: sqsBill(structuredClone(this.queues)),
      lambda: lambdaBill(structuredClone(this.functions)),
      dynamodb: dynamoDbBill(tables),
      scheduler: { invocations: this.scheduled, dollars: this.scheduled * prices.scheduledInvocation },
      iot: iotBill({ ...this.iot }),
      events: { entries: this.events, dollars: this.events * prices.event },
    };
    return { dollars: sum(Object.values(parts), (part) => part.dollars), ...parts };
  }

  private gatewayBill(): Bill['gateway'] {
    this.countConnectionTime();
    const connectionMinutes = this.connectionMilliseconds / 60_000;
    const { messagesIn, messagesOut } = this.gateway;
    const dollars = (messagesIn + messagesOut) * prices.gatewayMessage + connectionMinutes * prices.connectionMinute;
    return { ...this.gateway, connectionMinutes, dollars };
  }

  private countConnectionTime(): void {
    const now = this.clock.now();
    this.connectionMilliseconds += this.open * (now - this.countedUntil);
    this.countedUntil = now;
  }
}

function freshGateway() {
  return { frames: 0, posts: 0, messagesIn: 0, messagesOut: 0, connects: 0 };
}

function freshIot(): IotUsage {
  return { publishes: 0, messages: 0, rules: 0, actions: 0 };
}

function freshQueues(): Record<QueueName, QueueUsage> {
  return fill(queues, () => ({ send: 0, receive: 0, delete: 0, messages: 0 }));
}

function freshFunctions(): Record<FunctionName, FunctionUsage> {
  return fill(functions, () => ({ invocations: 0, errors: 0, coldStarts: 0, milliseconds: 0 }));
}

function fill<Name extends string, Value>(names: Record<Name, unknown>, value: () => Value): Record<Name, Value> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, value()])) as Record<Name, Value>;
}

function sqsBill(usage: Record<QueueName, QueueUsage>): Bill['sqs'] {
  let requests = 0;
  let dollars = 0;
  for (const [name, { send, receive, delete: deleted }] of Object.entries(usage) as [QueueName, QueueUsage][]) {
    const all = send + receive + deleted;
    requests += all;
    dollars += all * (queues[name].fifo ? prices.fifoRequest : prices.standardRequest);
  }
  return { requests, queues: usage, dollars };
}

function lambdaBill(usage: Record<FunctionName, FunctionUsage>): Bill['lambda'] {
  const entries = Object.entries(usage) as [FunctionName, FunctionUsage][];
  const invocations = sum(entries, ([, { invocations }]) => invocations);
  const gbSeconds = sum(entries, ([name, used]) => (used.milliseconds / 1000) * (functions[name].memoryMb / 1024));
  const dollars = invocations * prices.lambdaRequest + gbSeconds * prices.lambdaGbSecond;
  return { invocations, gbSeconds, functions: usage, dollars };
}

function iotBill(usage: IotUsage): Bill['iot'] {
  const { messages, rules, actions } = usage;
  const dollars = messages * prices.iotMessage + rules * prices.iotRule + actions * prices.iotAction;
  return { ...usage, dollars };
}

function dynamoDbBill(tables: DynamoDbUsage): Bill['dynamodb'] {
  const used = Object.values(tables).flatMap((operations) => Object.values(operations));
  const reads = sum(used, (operation) => operation.reads);
  const writes = sum(used, (operation) => operation.writes);
  const calls = sum(used, (operation) => operation.calls);
  return { reads, writes, calls, tables, dollars: reads * prices.readUnit + writes * prices.writeUnit };
}

function sum<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
