import type { TableName } from './storage/schema';

/** One deployed function. The stack and the local cloud both run it from this description. */
export interface FunctionSpec {
  /** Entry point, relative to the project's root; it exports `handler`. */
  readonly entry: string;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  /** Tables it reads, and tables it also writes. Everything else is out of its reach. */
  readonly reads: readonly TableName[];
  readonly writes: readonly TableName[];
  /** Tables it may read from one end to the other. */
  readonly scans?: readonly TableName[];
  /** Queues it sends to. */
  readonly sendsTo: readonly QueueName[];
  /** Methods of the @connections API it may call. */
  readonly connections: readonly ('POST' | 'GET' | 'DELETE')[];
  /** Whether it decides who may come in or what clients may do, for which it is given the access configuration. */
  readonly access: boolean;
  /** Whether it hands messages to the bridge or takes them from it, for which it is given the bridge's configuration. */
  readonly bridge?: true;
  /** Whether it publishes to AWS IoT Core. */
  readonly publishesToIot?: true;
  /** Deployed only with what is named; absent: always. */
  readonly part?: Part;
  /** Whether it says what happens, or hands it to EventBridge, where an operator wants that. */
  readonly events?: 'says' | 'hands on';
}

/** One queue and who consumes it. */
export interface QueueSpec {
  readonly fifo: boolean;
  /** Environment variable with the queue's URL. */
  readonly variable: string;
  readonly consumer: FunctionName;
  readonly batchSize: number;
  /** Deliveries of one message before it goes to the dead letters. */
  readonly maxReceives: number;
  /** Deployed only with what is named; absent: always. */
  readonly part?: Part;
}

/** What of the deployment an operator may do without. */
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
    writes: ownTables, // an account is written by an operator alone: whatever runs here can make nobody welcome
    sendsTo: ['packets', 'fanOut', 'timer', 'bridge'],
    connections: ['POST', 'DELETE'],
    access: true,
    bridge: true,
    events: 'says',
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
    events: 'hands on',
  },
  onSchedule: {
    entry: 'lambdas/on-schedule.ts',
    timeoutSeconds: 50,
    memoryMb: 512,
    reads: ['connections', 'sessions', 'topicIndex', 'inflight'],
    writes: ['connections', 'sessions', 'topicIndex', 'inflight'], // leftovers, once a day
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
    sendsTo: ['packets', 'fanOut', 'timer'], // not to the bridge: what comes in cannot go out
    connections: ['POST', 'DELETE'],
    access: true,
    bridge: true,
    events: 'says',
    part: 'bridge',
  },
  onApi: {
    entry: 'lambdas/on-api.ts',
    timeoutSeconds: 20, // API Gateway waits 30 s for an answer
    memoryMb: 1024,
    reads: ['connections', 'sessions', 'topicIndex', 'retained', 'inflight', 'accounts'],
    writes: ['connections', 'sessions', 'topicIndex', 'retained', 'inflight'],
    scans: ['sessions', 'retained'],
    sendsTo: ['packets', 'fanOut', 'timer', 'bridge'],
    connections: ['POST', 'DELETE', 'GET'],
    access: true,
    bridge: true,
    events: 'says',
    part: 'api',
  },
  onSystemTopics: {
    entry: 'lambdas/on-system-topics.ts',
    timeoutSeconds: 50,
    memoryMb: 512,
    reads: ['sessions', 'topicIndex', 'retained', 'accounts'],
    writes: ['connections', 'topicIndex', 'retained'],
    scans: ['sessions'],
    sendsTo: ['packets', 'fanOut'], // neither to the bridge nor to EventBridge
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
    maxReceives: 60, // every two minutes, so AWS IoT Core may be away for two hours
    part: 'bridge',
  },
  // Messages that come in some other way than through a rule: synchronised, or brought back from the dead letters.
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
 * Attempts at an event of a connection. Those that the queue leaves after them only close the connection, which is little
 * enough to succeed: an event that ended among the dead letters would leave a hole in the connection's stream.
 */
export const eventAttempts = 4;

/** SQS: a message stays hidden this long after it was handed out; AWS asks for six times the consumer's timeout. */
export function visibilitySeconds(queue: QueueName): number {
  return 6 * functions[queues[queue].consumer].timeoutSeconds;
}

/** Seconds between two runs of the `onSchedule` function. */
export const scheduleSeconds = 60;

/** Name of the stage of the API for backends, and so the beginning of its paths. */
export const apiStage = 'api';

/** Environment variable with the @connections endpoint of the stage, `https://…/stage`. */
export const callbackVariable = 'CALLBACK_URL';

/** Environment variable with the name of the broker, by which its metrics are told from those of others. */
export const brokerVariable = 'BROKER_NAME';

/** Environment variable with what is told to EventBridge, as JSON; absent when nothing is. */
export const eventsVariable = 'EVENTS';

/** Environment variable with the access configuration, packed; for the functions that decide by it. */
export const accessVariable = 'ACCESS';

/** Environment variable with the configuration of the bridge, packed; absent where there is none. */
export const bridgeVariable = 'BRIDGE';

/** Environment variable of the function of the brake, with a `BrakedStage` as JSON. */
export const brakeVariable = 'BRAKE';

/** Requests a second, and how many may come at once. */
export interface Throttle {
  readonly rate: number;
  readonly burst: number;
}

/** The stage that the brake turns down, and what it leaves of its limits. */
export interface BrakedStage {
  readonly apiId: string;
  readonly stageName: string;
  readonly frames: Throttle;
  readonly handshakes: Throttle;
}

/** API Gateway's own metric of handshakes. */
export const connectMetric = 'ConnectCount';

/** Environment variable from which the SDK takes the endpoint of AWS IoT Core's data plane. */
export const iotEndpointVariable = 'AWS_ENDPOINT_URL_IOT_DATA_PLANE';

/**
 * SQS message attributes of the packet queue. The gateway's mapping template sets them for frames and disconnects, the
 * Lambdas for their own events. A client chooses only the body, so it cannot forge an event.
 */
export const attributes = {
  /** `message` (a text frame), `disconnect`, `wake`, `expired` or `dismiss`. */
  event: 'event',
  /** When API Gateway accepted the connection, milliseconds since 1970. */
  connectedAt: 'connectedAt',
  /** When the frame reached API Gateway, milliseconds since 1970. */
  receivedAt: 'receivedAt',
  /** Source address of the client; the broker's own events have none. */
  address: 'address',
} as const;
