import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { loopbackOrigins, WebAccess } from '../clients/web-access';
import type { AccessConfig } from '../lambdas/access/access-config';
import { openAccess, readAccess } from '../lambdas/access/read-access';
import type { BridgeConfig } from '../lambdas/bridge/bridge-config';
import { readBridge } from '../lambdas/bridge/read-bridge';
import { rulesOf } from '../lambdas/bridge/rules';
import {
  apiStage,
  type FunctionName,
  type FunctionSpec,
  functions,
  type QueueName,
  queues,
  scheduleSeconds,
  visibilitySeconds,
} from '../lambdas/deployment';
import { type EventConfig, readEventConfig } from '../lambdas/events/event-config';
import { type Settings, settingsFromEnvironment } from '../lambdas/settings';
import { tables } from '../lambdas/storage/schema';
import { callerParts } from './aws-call';
import { AwsEndpoint } from './aws-endpoint';
import { type Bill, Meter } from './bill';
import { type Bundles, bundle } from './bundles';
import { LocalClock } from './clock';
import { ConsolePage } from './console-page';
import { ControlApi } from './control-api';
import type { DynamoDb } from './dynamodb/dynamodb';
import { startDynamoDb } from './dynamodb/start-dynamodb';
import { EventsApi, type ReceivedEvent } from './events-api';
import { Faults } from './faults';
import { stage } from './gateway/connect-event';
import { ConnectionJournal } from './gateway/connection-journal';
import { ConnectionsApi } from './gateway/connections-api';
import { Gateway } from './gateway/gateway';
import { HttpApi } from './http-api/http-api';
import { createHttpServer } from './http-server';
import { IotCore } from './iot/iot-core';
import { AsyncInvocations } from './lambda/async-invocations';
import { Container } from './lambda/container';
import { ContainerPool } from './lambda/container-pool';
import {
  type CloudEnvironment,
  credentialsOf,
  deployedQueueName,
  type Endpoints,
  environmentOf,
  queueUrl,
  tablePrefix,
} from './lambda/environment';
import { type LogSink, logTo } from './lambda/log';
import { Network, type Observer } from './lambda/network';
import { Schedule } from './schedule';
import { EventSource } from './sqs/event-source';
import { Queue } from './sqs/queue';
import { type DeadLetter, SqsApi } from './sqs/sqs-api';

export interface CloudOptions {
  /** Port of gateway, AWS calls and control interface; a free one if absent or 0. */
  readonly port?: number;
  /** Folder that keeps tables, queues and connections over a restart; in memory if absent. */
  readonly data?: string;
  /** DynamoDB endpoint instead of the embedded one. */
  readonly dynamodb?: string;
  /** Milliseconds that each DynamoDB call takes longer than the endpoint does; 0 if absent. */
  readonly dynamodbLatency?: number;
  /** Containers per function, at most; 2 if absent. */
  readonly containers?: number;
  readonly settings?: Partial<Settings>;
  /** Who may come in and what each may do, as JSON; everybody may do everything if absent. */
  readonly access?: unknown;
  /** What crosses to and from an imitated AWS IoT Core, as JSON; there is none if absent. */
  readonly bridge?: unknown;
  /** Port of that for MQTT clients; a free one if absent or 0. */
  readonly iotPort?: number;
  /** What is told to EventBridge, as JSON; nothing if absent. */
  readonly events?: unknown;
  /** Variables that every function sees besides its own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Other entry points, timeouts or memory than the deployed ones, for tests. */
  readonly functions?: { readonly [Name in FunctionName]?: Partial<FunctionSpec> };
  /** Visibility timeout of all queues, instead of the deployed ones. */
  readonly visibilitySeconds?: number;
  /** API Gateway: 600 and 7200. */
  readonly idleSeconds?: number;
  readonly ageSeconds?: number;
  /** Bytes that may wait for a client before posts to it are throttled. */
  readonly bufferBytes?: number;
  /** Containers end after so many invocations, or so many minutes without one. */
  readonly recycleInvocations?: number;
  readonly recycleIdleMinutes?: number;
  /** Seed of the faults' luck. */
  readonly seed?: number;
  /** Whether the functions' own log lines are shown, or errors only. */
  readonly verbose?: boolean;
  /** Folder of the built console, which is served at `/`; no page is if absent. */
  readonly console?: string;
  /**
   * Origins of web pages that may use the cloud, besides its console; any page of this machine may connect to the gateway.
   * As browsers write them; `http://localhost:*` is any port, `*` any page.
   */
  readonly allowOrigins?: readonly string[];
  /** What the cloud is called besides the names of the loopback. */
  readonly allowHosts?: readonly string[];
  /** Where log lines go; standard error if absent. */
  readonly log?: LogSink;
  /** Is told of what containers ask of the imitated services, for tests. */
  readonly observe?: Observer;
}

/** AWS, as far as the broker uses it, in this process. */
export interface Cloud {
  readonly port: number;
  /** `ws://127.0.0.1:port/mqtt` */
  readonly gatewayUrl: string;
  readonly billUrl: string;
  /** The API for backends, which wants requests signed with the keys `local` and `local`. */
  readonly apiUrl: string;
  /** Endpoint for the SDK's client of the @connections API. */
  readonly callbackUrl: string;
  /** Endpoints for the SDK's clients of SQS, DynamoDB and EventBridge. */
  readonly endpoints: Endpoints;
  /** Who may come in and what each may do. */
  readonly access: AccessConfig;
  /** The imitated AWS IoT Core, if there is a bridge: where its MQTT clients connect. */
  readonly iotUrl: string | undefined;
  readonly faults: Faults;
  readonly clock: LocalClock;
  bill(): Promise<Bill>;
  resetBill(): Promise<void>;
  deadLetters(): DeadLetter[];
  /** Moves the dead letters of a queue back; returns how many they were. */
  redrive(queue: QueueName): number;
  /** What EventBridge was told. */
  events(): readonly ReceivedEvent[];
  /** Ids of the open connections, oldest first. */
  connections(): string[];
  /** Resolves when queues are empty and containers idle. Messages that wait for their delay do not count. */
  settled(): Promise<void>;
  /** Runs what is scheduled now. */
  runSchedule(): Promise<void>;
  /** Ends everything; nothing of it is left behind. */
  stop(): Promise<void>;
}

// A frame that a client of this process has just sent is read within the next turns of the event loop.
const turnsToSettle = 4;

/** Name of the broker, which marks what goes over the bridge. */
const brokerName = 'cirrus-mqtt';

type ByFunction<Value> = { readonly [Name in FunctionName]: Value };
type ByQueue<Value> = { readonly [Name in QueueName]: Value };

/** Starts the local cloud; resolves when everything listens. */
export async function startCloud(options: CloudOptions = {}): Promise<Cloud> {
  const cloud = new LocalCloud(options);
  try {
    await cloud.start();
    return cloud;
  } catch (error) {
    await cloud.stop();
    throw error;
  }
}

class LocalCloud implements Cloud {
  readonly access: AccessConfig;
  private readonly bridge: BridgeConfig | undefined;
  readonly clock = new LocalClock();
  readonly faults = new Faults({
    publish: (rules) => this.dynamoDb!.setRules(rules),
    cut: (connectionId) => this.gateway.cut(connectionId),
    kill: (name) => this.killFunction(name),
  });
  private readonly meter = new Meter(this.clock);
  private readonly eventsApi = new EventsApi(this.meter);
  private readonly eventConfig: EventConfig | undefined;
  private readonly specs: ByFunction<FunctionSpec>;
  private readonly settings: Settings;
  private readonly bundles: Bundles;
  private readonly queues: ByQueue<Queue>;
  private readonly pools: ByFunction<ContainerPool>;
  private readonly journal: ConnectionJournal | undefined;
  private readonly gateway: Gateway;
  private readonly schedules: readonly Schedule[];
  private readonly network: Network;
  private readonly aws: AwsEndpoint;
  private readonly server: Server;
  private readonly ruleActions: AsyncInvocations;
  private iot: IotCore | undefined;
  private dynamoDb: DynamoDb | undefined;
  private dynamoDbEndpoint = '';

  constructor(private readonly options: CloudOptions) {
    if (options.data !== undefined) mkdirSync(options.data, { recursive: true });
    this.network = new Network(options.observe);
    this.settings = { ...settingsFromEnvironment(process.env), ...options.settings };
    this.access = readAccess(options.access ?? openAccess);
    this.bridge = options.bridge === undefined ? undefined : readBridge(options.bridge);
    this.eventConfig = options.events === undefined ? undefined : readEventConfig(options.events);
    this.specs = mapValues(functions, (spec, name) => ({ ...spec, ...options.functions?.[name] }));
    this.bundles = bundle(this.entryPoints(), this.settings);
    this.queues = mapValues(queues, (_spec, name) => this.createQueue(name));
    this.pools = mapValues(functions, (_spec, name) => this.createPool(name));
    this.journal = options.data === undefined ? undefined : new ConnectionJournal(join(options.data, 'connections'));
    this.gateway = this.createGateway();
    this.ruleActions = new AsyncInvocations({
      pool: this.pools.onBridgeIn,
      clock: this.clock,
      onFailure: (record) => this.queues.bridgeIn.addDeadLetter(JSON.stringify(record)),
    });
    this.schedules = this.createSchedules();
    this.aws = this.createAwsEndpoint();
    this.server = createHttpServer({
      gateway: this.gateway,
      aws: this.aws,
      api: this.createHttpApi(),
      control: this.createControl(),
      console: options.console === undefined ? undefined : new ConsolePage(options.console),
      access: new WebAccess({ hosts: options.allowHosts, origins: options.allowOrigins }),
      pages: new WebAccess({
        hosts: options.allowHosts,
        origins: [...loopbackOrigins, ...(options.allowOrigins ?? [])],
      }),
    });
    if (options.seed !== undefined) this.faults.seed(options.seed);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get gatewayUrl(): string {
    return `ws://127.0.0.1:${this.port}/${stage}`;
  }

  get billUrl(): string {
    return `http://127.0.0.1:${this.port}/bill`;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.port}/${apiStage}`;
  }

  get callbackUrl(): string {
    return `http://127.0.0.1:${this.port}/${stage}`;
  }

  get endpoints(): Endpoints {
    const here = `http://127.0.0.1:${this.port}`;
    return { callback: this.callbackUrl, sqs: here, iot: here, events: here, dynamodb: this.dynamoDbEndpoint };
  }

  get iotUrl(): string | undefined {
    return this.iot && `mqtt://127.0.0.1:${this.iot.port}`;
  }

  async start(): Promise<void> {
    await listen(this.server, this.options.port ?? 0);
    this.network.add(this.port, (request) => this.aws.respond(request));
    await this.startDynamoDb();
    await this.startIot();
    // Only now: the lock of the embedded database keeps a second cloud away from the same folder.
    for (const queue of Object.values(this.queues)) queue.restore();
    this.gateway.disconnectFormer();
    this.connectQueues();
    for (const schedule of this.schedules) schedule.start();
  }

  private async startDynamoDb(): Promise<void> {
    const kill = (caller: string) => this.killCaller(caller);
    const { dynamoDb, endpoint, answer } = await startDynamoDb(this.bundles.dynamoDbThread, this.dynamoDbData(), kill);
    this.dynamoDb = dynamoDb;
    this.dynamoDbEndpoint = endpoint;
    if (answer) this.network.add(Number(new URL(endpoint).port), answer);
  }

  async bill(): Promise<Bill> {
    return this.meter.read(await this.dynamoDb!.usage());
  }

  async resetBill(): Promise<void> {
    this.meter.reset();
    await this.dynamoDb!.reset();
  }

  deadLetters(): DeadLetter[] {
    return entries(this.queues).flatMap(([queue, { deadLetters }]) =>
      deadLetters.map((message) => ({ ...message, queue })),
    );
  }

  redrive(queue: QueueName): number {
    return this.queues[queue].redrive();
  }

  events(): readonly ReceivedEvent[] {
    return this.eventsApi.all();
  }

  connections(): string[] {
    return [...this.gateway.connections.keys()];
  }

  async settled(): Promise<void> {
    for (let calmTurns = 0; calmTurns < turnsToSettle; ) {
      calmTurns = this.idle() ? calmTurns + 1 : 0;
      await (calmTurns > 0 ? nextTurn() : sleep(2));
    }
  }

  async runSchedule(): Promise<void> {
    for (const schedule of this.schedules) await schedule.run();
  }

  async stop(): Promise<void> {
    for (const schedule of this.schedules) schedule.stop();
    this.gateway.stop();
    await Promise.all(Object.values(this.pools).map((pool) => pool.stop()));
    this.clock.stop();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.iot?.stop();
    await this.dynamoDb?.stop();
    for (const queue of Object.values(this.queues)) queue.close();
    this.journal?.close();
    this.bundles.remove();
  }

  private idle(): boolean {
    return (
      this.gateway.idle &&
      (this.iot?.idle ?? true) &&
      this.ruleActions.idle &&
      Object.values(this.queues).every((queue) => queue.idle) &&
      Object.values(this.pools).every((pool) => pool.idle)
    );
  }

  private entryPoints(): { readonly [Name in FunctionName]?: string } {
    const left = new Set([
      ...(this.bridge ? [] : ['bridge']),
      ...(this.settings.sysTopicsMinutes > 0 ? [] : ['systemTopics']),
    ]);
    const deployed = entries(this.specs).filter(([, { part = '' }]) => !left.has(part));
    return Object.fromEntries(deployed.map(([name, { entry }]) => [name, entry]));
  }

  private async startIot(): Promise<void> {
    if (!this.bridge) return;
    this.iot = await IotCore.start({
      port: this.options.iotPort,
      rules: rulesOf(this.bridge),
      invoke: (event) => this.ruleActions.invoke(event),
      clock: this.clock,
      meter: this.meter,
    });
  }

  private createQueue(name: QueueName): Queue {
    const { data } = this.options;
    return new Queue({
      name,
      spec: queues[name],
      visibilitySeconds: this.options.visibilitySeconds ?? visibilitySeconds(name),
      clock: this.clock,
      meter: this.meter,
      journalPath: data === undefined ? undefined : join(data, `${name}.queue`),
    });
  }

  private createPool(name: FunctionName): ContainerPool {
    return new ContainerPool({
      name,
      size: this.options.containers ?? 2,
      create: (number) => this.createContainer(name, number),
      meter: this.meter,
      clock: this.clock,
      recycleInvocations: this.options.recycleInvocations ?? Number.POSITIVE_INFINITY,
      recycleIdleMinutes: this.options.recycleIdleMinutes ?? 30,
    });
  }

  private createContainer(name: FunctionName, number: number): Container {
    return new Container({
      name,
      spec: this.specs[name],
      runtime: this.bundles.containerThread,
      bundle: this.bundles.functions[name] ?? '', // its part is not deployed, and nobody invokes it
      environment: {
        ...environmentOf(name, this.specs[name], this.surroundings),
        ...credentialsOf(name, number),
        ...this.options.environment,
      },
      clock: this.clock.shared,
      network: this.network,
      log: logTo(this.options.log, this.options.verbose ?? false),
    });
  }

  private get surroundings(): CloudEnvironment {
    const { endpoints, settings, access, eventConfig: events } = this;
    return { endpoints, settings, access, bridge: this.namedBridge, events };
  }

  private get namedBridge() {
    return this.bridge && { broker: brokerName, ...this.bridge };
  }

  private createGateway(): Gateway {
    const { idleSeconds = 600, ageSeconds = 7200, bufferBytes = 1024 * 1024 } = this.options;
    return new Gateway({
      packets: this.queues.packets,
      onConnect: (event) => this.pools.onConnect.invoke(event),
      limits: { idleSeconds, ageSeconds, bufferBytes },
      clock: this.clock,
      meter: this.meter,
      faults: this.faults,
      journal: this.journal,
      port: () => this.port,
    });
  }

  private createAwsEndpoint(): AwsEndpoint {
    return new AwsEndpoint({
      connections: new ConnectionsApi(this.gateway.connections, this.meter),
      sqs: new SqsApi(this.queues, this.meter),
      iot: () => this.iot,
      events: this.eventsApi,
      faults: this.faults,
      kill: (caller) => this.killCaller(caller),
    });
  }

  private createSchedules(): Schedule[] {
    const every = (seconds: number, name: FunctionName) =>
      new Schedule(this.clock, this.meter, seconds, (event) => this.pools[name].invoke(event));
    const { sysTopicsMinutes } = this.settings;
    return [
      every(scheduleSeconds, 'onSchedule'),
      ...(sysTopicsMinutes > 0 ? [every(60 * sysTopicsMinutes, 'onSystemTopics')] : []),
    ];
  }

  private createHttpApi(): HttpApi {
    return new HttpApi({ invoke: (event) => this.pools.onApi.invoke(event), meter: this.meter, clock: this.clock });
  }

  private createControl(): ControlApi {
    return new ControlApi({
      bill: () => this.bill(),
      resetBill: () => this.resetBill(),
      faults: this.faults,
      clock: this.clock,
      deadLetters: () => this.deadLetters(),
      redrive: (queue) => this.redrive(queue),
      events: () => this.events(),
      settled: () => this.settled(),
      runSchedule: () => this.runSchedule(),
      resources: () => ({
        dynamodb: this.endpoints.dynamodb,
        sqs: this.endpoints.sqs,
        iot: this.endpoints.iot,
        queueUrls: mapValues(queues, (_spec, name) => queueUrl(this.endpoints, name)),
        bridge: this.namedBridge,
        tables: mapValues(tables, (_schema, name) => tablePrefix + name),
        access: this.access,
      }),
    });
  }

  private connectQueues(): void {
    for (const [name, queue] of entries(this.queues)) {
      const arn = `arn:aws:sqs:us-east-1:000000000000:${deployedQueueName(name)}`;
      const source = new EventSource({ arn, queue, pool: this.pools[queues[name].consumer], clock: this.clock });
      source.start();
    }
  }

  private dynamoDbData() {
    const { data, dynamodb, dynamodbLatency: latency = 0 } = this.options;
    return {
      dynalite: require.resolve('dynalite'),
      path: data === undefined ? undefined : join(data, 'dynamodb'),
      remote: dynamodb,
      latency,
      chances: this.faults.memory.shared,
      tablePrefix,
      hosts: this.options.allowHosts ?? [],
    };
  }

  private killCaller(caller: string): void {
    const parts = callerParts(caller);
    if (parts) this.pools[parts.name].kill(parts.number);
  }

  private async killFunction(name: FunctionName | undefined): Promise<void> {
    const pools = name === undefined ? Object.values(this.pools) : [this.pools[name]];
    await Promise.all(pools.map((pool) => pool.kill()));
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

function entries<Name extends string, Value>(record: { readonly [Key in Name]: Value }): [Name, Value][] {
  return Object.entries(record) as [Name, Value][];
}

function mapValues<Name extends string, From, To>(
  record: { readonly [Key in Name]: From },
  map: (value: From, name: Name) => To,
): { readonly [Key in Name]: To } {
  const mapped = entries(record).map(([name, value]) => [name, map(value, name)]);
  return Object.fromEntries(mapped) as { readonly [Key in Name]: To };
}
