import type { TableName } from './storage/schema';

/** A deployed function. The stack and the local cloud both create it from this description. */
export interface FunctionSpec {
  /** Entry point, relative to the root of the project; it exports `handler`. */
  readonly entry: string;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  /** Tables that the function may read. */
  readonly reads: readonly TableName[];
  /** Tables that the function may also write. */
  readonly writes: readonly TableName[];
  /** Tables that the function may scan. */
  readonly scans?: readonly TableName[];
  /** Queues that the function may send to. */
  readonly sendsTo: readonly QueueName[];
  /** Methods of the @connections API that the function may call. */
  readonly connections: readonly ('POST' | 'GET' | 'DELETE')[];
  /** True if the function gets the access configuration, because it authenticates or authorizes clients. */
  readonly access: boolean;
  /** True if the function gets the configuration of the bridge, because it sends messages to the bridge or receives them from it. */
  readonly bridge?: true;
  /** True if the function may publish to AWS IoT Core. */
  readonly publishesToIot?: true;
  /** Optional part that it belongs to; absent if it is always deployed. */
  readonly part?: Part;
  /** `emits`: puts events into the timer queue. `forwards`: sends them to EventBridge. Only if events are configured. */
  readonly events?: 'emits' | 'forwards';
}

/** A queue and its consumer. */
export interface QueueSpec {
  readonly fifo: boolean;
  /** Environment variable with the URL of the queue. */
  readonly variable: string;
  readonly consumer: FunctionName;
  readonly batchSize: number;
  /** Maximum deliveries of a message before it goes to the dead-letter queue. */
  readonly maxReceives: number;
  /** Optional part that it belongs to; absent if it is always deployed. */
  readonly part?: Part;
}

/** Optional parts of the deployment. */
export type Part = 'bridge' | 'api' | 'systemTopics';
export type ApiFunctionName = 'onApi';
export type SystemTopicsFunctionName = 'onSystemTopics';
export type BridgeFunctionName = 'onBridgeOut' | 'onBridgeIn';
export type BridgeQueueName = 'bridge' | 'bridgeIn';
export type FunctionName =
  | 'onConnect'
  | 'onPackets'
  | 'onFanOut'
  | 'onTimer'
  | 'onSchedule'
  | ApiFunctionName
  | SystemTopicsFunctionName
  | BridgeFunctionName;
export type QueueName = 'packets' | 'fanOut' | 'timer' | BridgeQueueName;

// Literal lists: with a spread esbuild could not leave the descriptions of the functions out of their bundles.
const ownTables = ['connections', 'sessions', 'topicIndex', 'retained', 'inflight', 'logins'] as const;
const allTables = ['connections', 'sessions', 'topicIndex', 'retained', 'inflight', 'logins', 'accounts'] as const;

export const functions: { readonly [Name in FunctionName]: FunctionSpec } = {
  onConnect: {
    entry: 'lambdas/on-connect.ts',
    timeoutSeconds: 5,
    memoryMb: 256,
    reads: [],
    writes: ['connections'],
    sendsTo: ['timer'],
    connections: [],
    access: true,
  },
  onPackets: {
    entry: 'lambdas/on-packets.ts',
    timeoutSeconds: 20,
    memoryMb: 1024,
    reads: allTables,
    writes: ownTables, // only operators write accounts, so an exploited function cannot create any
    sendsTo: ['packets', 'fanOut', 'timer', 'bridge'],
    connections: ['POST', 'DELETE'],
    access: true,
    bridge: true,
    events: 'emits',
  },
  onFanOut: {
    entry: 'lambdas/on-fan-out.ts',
    timeoutSeconds: 20,
    memoryMb: 1024,
    reads: ['connections', 'sessions', 'inflight', 'topicIndex', 'accounts'],
    writes: ['connections', 'sessions', 'inflight', 'topicIndex'],
    sendsTo: ['packets', 'timer'],
    connections: ['POST', 'DELETE'],
    access: true,
  },
  onTimer: {
    entry: 'lambdas/on-timer.ts',
    timeoutSeconds: 20,
    memoryMb: 512,
    reads: ['connections', 'topicIndex'],
    writes: ['connections', 'topicIndex'],
    scans: ['connections', 'topicIndex'],
    sendsTo: ['packets', 'timer'],
    connections: ['DELETE'],
    access: false,
    events: 'forwards',
  },
  onSchedule: {
    entry: 'lambdas/on-schedule.ts',
    timeoutSeconds: 50,
    memoryMb: 512,
    reads: ['connections', 'sessions', 'topicIndex', 'inflight'],
    writes: ['connections', 'sessions', 'topicIndex', 'inflight'], // removes leftovers once a day
    scans: ['connections', 'sessions', 'topicIndex', 'inflight'],
    sendsTo: ['packets', 'timer'],
    connections: [],
    access: false,
  },
  onBridgeOut: {
    entry: 'lambdas/on-bridge-out.ts',
    timeoutSeconds: 20,
    memoryMb: 256,
    reads: [],
    writes: [],
    sendsTo: [],
    connections: [],
    access: false,
    bridge: true,
    publishesToIot: true,
    part: 'bridge',
  },
  onBridgeIn: {
    entry: 'lambdas/on-bridge-in.ts',
    timeoutSeconds: 20,
    memoryMb: 512,
    reads: ['connections', 'sessions', 'topicIndex', 'retained', 'inflight', 'accounts'],
    writes: ['connections', 'sessions', 'topicIndex', 'retained', 'inflight'],
    sendsTo: ['packets', 'fanOut', 'timer'], // not to the bridge, which would cause loops
    connections: ['POST', 'DELETE'],
    access: true,
    bridge: true,
    events: 'emits',
    part: 'bridge',
  },
  onApi: {
    entry: 'lambdas/on-api.ts',
    timeoutSeconds: 20, // API Gateway waits 30 s for a response
    memoryMb: 1024,
    reads: ['connections', 'sessions', 'topicIndex', 'retained', 'inflight', 'accounts'],
    writes: ['connections', 'sessions', 'topicIndex', 'retained', 'inflight'],
    scans: ['sessions', 'retained'],
    sendsTo: ['packets', 'fanOut', 'timer', 'bridge'],
    connections: ['POST', 'DELETE', 'GET'],
    access: true,
    bridge: true,
    events: 'emits',
    part: 'api',
  },
  onSystemTopics: {
    entry: 'lambdas/on-system-topics.ts',
    timeoutSeconds: 50,
    memoryMb: 512,
    reads: ['sessions', 'topicIndex', 'retained', 'accounts'],
    writes: ['connections', 'topicIndex', 'retained'],
    scans: ['sessions'],
    sendsTo: ['packets', 'fanOut'], // system topics go neither to the bridge nor to EventBridge
    connections: ['POST', 'DELETE'],
    access: true,
    part: 'systemTopics',
  },
};

export const queues: { readonly [Name in QueueName]: QueueSpec } = {
  packets: { fifo: true, variable: 'PACKETS_QUEUE_URL', consumer: 'onPackets', batchSize: 10, maxReceives: 10 },
  fanOut: { fifo: true, variable: 'FAN_OUT_QUEUE_URL', consumer: 'onFanOut', batchSize: 10, maxReceives: 10 },
  timer: { fifo: false, variable: 'TIMER_QUEUE_URL', consumer: 'onTimer', batchSize: 10, maxReceives: 10 },
  bridge: {
    fifo: true,
    variable: 'BRIDGE_QUEUE_URL',
    consumer: 'onBridgeOut',
    batchSize: 10,
    maxReceives: 60, // one every two minutes: messages survive two hours without AWS IoT Core
    part: 'bridge',
  },
  // Messages that do not come through a rule: synchronised by an operator, or returned from the dead-letter queue.
  bridgeIn: {
    fifo: false,
    variable: 'BRIDGE_IN_QUEUE_URL',
    consumer: 'onBridgeIn',
    batchSize: 10,
    maxReceives: 10,
    part: 'bridge',
  },
};

/**
 * Maximum attempts at an event of a connection. Later deliveries of the queue only close the connection, which is simple enough to
 * succeed: an event in the dead-letter queue would leave a gap in the stream of the connection.
 */
export const eventAttempts = 4;

/** Returns the visibility timeout of a queue; AWS recommends six times the timeout of the consumer. */
export function visibilitySeconds(queue: QueueName): number {
  return 6 * functions[queues[queue].consumer].timeoutSeconds;
}

/** Interval of the `onSchedule` function in seconds. */
export const scheduleSeconds = 60;

/** Name of the stage of the HTTP API, with which its paths begin. */
export const apiStage = 'api';

/** Environment variable with the @connections endpoint of the stage, `https://…/stage`. */
export const callbackVariable = 'CALLBACK_URL';

/** Environment variable with the name of the broker, a dimension of its metrics. */
export const brokerVariable = 'BROKER_NAME';

/** Environment variable with the configuration of events as JSON; absent if there are no events. */
export const eventsVariable = 'EVENTS';

/** Environment variable with the access configuration, packed. */
export const accessVariable = 'ACCESS';

/** Environment variable with the configuration of the bridge, packed; absent if there is no bridge. */
export const bridgeVariable = 'BRIDGE';

/** Environment variable of the brake function, with a `BrakedStage` as JSON. */
export const brakeVariable = 'BRAKE';

/** Throttling limits of a route: requests a second, and burst. */
export interface Throttle {
  readonly rate: number;
  readonly burst: number;
}

/** The stage that the brake throttles, and the limits that it sets. */
export interface BrakedStage {
  readonly apiId: string;
  readonly stageName: string;
  readonly frames: Throttle;
  readonly handshakes: Throttle;
}

/** Metric of API Gateway that counts handshakes. */
export const connectMetric = 'ConnectCount';

/** Environment variable from which the SDK reads the endpoint of the data plane of AWS IoT Core. */
export const iotEndpointVariable = 'AWS_ENDPOINT_URL_IOT_DATA_PLANE';

/**
 * SQS message attributes of the packets queue. The mapping template of API Gateway sets them for frames and disconnects, the
 * functions set them for their own events. A client controls only the body, so it cannot forge an event.
 */
export const attributes = {
  /** `message` (a text frame), `disconnect`, `wake`, `expired` or `dismiss`. */
  event: 'event',
  /** Time when API Gateway accepted the connection, milliseconds since 1970. */
  connectedAt: 'connectedAt',
  /** Time when the frame reached API Gateway, milliseconds since 1970. */
  receivedAt: 'receivedAt',
  /** Source address of the client; events of the broker have none. */
  address: 'address',
} as const;
