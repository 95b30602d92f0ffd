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
import { apiStage, type FunctionName, type QueueName, queues, scheduleSeconds } from '../lambdas/deployment';
import { type EventConfig, readEventConfig } from '../lambdas/events/event-config';
import { type Settings, settingsFromEnvironment } from '../lambdas/settings';
import { tables } from '../lambdas/storage/schema';
import { AwsEndpoint } from './aws-endpoint';
import { type Bill, Meter } from './bill';
import { LocalClock } from './clock';
import type { CloudOptions } from './cloud-options';
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
import { type CloudEnvironment, type Endpoints, queueUrl, tablePrefix } from './lambda/environment';
import { Functions } from './lambda/functions';
import { Network } from './lambda/network';
import { mapValues } from './names';
import { Schedule } from './schedule';
import { Queues } from './sqs/queues';
import { type DeadLetter, SqsApi } from './sqs/sqs-api';

/** The AWS services that the broker uses, imitated in this process. */
export interface Cloud {
  readonly port: number;
  /** `ws://127.0.0.1:port/mqtt` */
  readonly gatewayUrl: string;
  readonly billUrl: string;
  /** URL of the API for backends. Requests must be signed with the keys `local` and `local`. */
  readonly apiUrl: string;
  /** Endpoint for the SDK's client of the @connections API. */
  readonly callbackUrl: string;
  /** Endpoints for the SDK's clients of SQS, DynamoDB and EventBridge. */
  readonly endpoints: Endpoints;
  /** The access configuration. */
  readonly access: AccessConfig;
  /** URL of the imitated AWS IoT Core for MQTT clients; undefined without a bridge. */
  readonly iotUrl: string | undefined;
  readonly faults: Faults;
  readonly clock: LocalClock;
  bill(): Promise<Bill>;
  resetBill(): Promise<void>;
  deadLetters(): DeadLetter[];
  /** Moves the dead letters of a queue back; returns their number. */
  redrive(queue: QueueName): number;
  /** Returns the events that EventBridge has received. */
  events(): readonly ReceivedEvent[];
  /** Returns the ids of the open connections, oldest first. */
  connections(): string[];
  /** Resolves when the queues are empty and the containers idle. Delayed messages do not count. */
  settled(): Promise<void>;
  /** Runs the scheduled functions now. */
  runSchedule(): Promise<void>;
  /** Stops everything and removes temporary files. */
  stop(): Promise<void>;
}

// Turns of the event loop in which a frame that a client of this process has just sent is read.
const idleTurns = 4;

/** Name of the broker, which marks messages that cross the bridge. */
const brokerName = 'cirrus-mqtt';

/** Starts the local cloud; resolves when all endpoints listen. */
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
    kill: (name) => this.functions.kill(name),
  });
  private readonly meter = new Meter(this.clock);
  private readonly eventsApi = new EventsApi(this.meter);
  private readonly eventConfig: EventConfig | undefined;
  private readonly settings: Settings;
  private readonly queues: Queues;
  private readonly functions: Functions;
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
    this.queues = this.createQueues();
    this.functions = this.createFunctions();
    this.journal = options.data === undefined ? undefined : new ConnectionJournal(join(options.data, 'connections'));
    this.gateway = this.createGateway();
    this.ruleActions = new AsyncInvocations({
      pool: this.functions.pools.onBridgeIn,
      clock: this.clock,
      onFailure: (record) => this.queues.byName.bridgeIn.addDeadLetter(JSON.stringify(record)),
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
    this.queues.restore();
    this.gateway.disconnectFormer();
    this.queues.connect(this.functions.pools);
    for (const schedule of this.schedules) schedule.start();
  }

  private async startDynamoDb(): Promise<void> {
    const kill = (caller: string) => this.functions.killCaller(caller);
    const { dynamoDb, endpoint, respond } = await startDynamoDb(
      this.functions.bundles.dynamoDbThread,
      this.dynamoDbData(),
      kill,
    );
    this.dynamoDb = dynamoDb;
    this.dynamoDbEndpoint = endpoint;
    if (respond) this.network.add(Number(new URL(endpoint).port), respond);
  }

  async bill(): Promise<Bill> {
    return this.meter.read(await this.dynamoDb!.usage());
  }

  async resetBill(): Promise<void> {
    this.meter.reset();
    await this.dynamoDb!.reset();
  }

  deadLetters(): DeadLetter[] {
    return this.queues.deadLetters();
  }

  redrive(queue: QueueName): number {
    return this.queues.byName[queue].redrive();
  }

  events(): readonly ReceivedEvent[] {
    return this.eventsApi.all();
  }

  connections(): string[] {
    return [...this.gateway.connections.keys()];
  }

  async settled(): Promise<void> {
    for (let calmTurns = 0; calmTurns < idleTurns; ) {
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
    await this.functions.stop();
    this.clock.stop();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.iot?.stop();
    await this.dynamoDb?.stop();
    this.queues.close();
    this.journal?.close();
    this.functions.bundles.remove();
  }

  private idle(): boolean {
    return (
      this.gateway.idle && (this.iot?.idle ?? true) && this.ruleActions.idle && this.queues.idle && this.functions.idle
    );
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

  private createQueues(): Queues {
    const { data, visibilitySeconds } = this.options;
    return new Queues({ data, visibilitySeconds, clock: this.clock, meter: this.meter });
  }

  private createFunctions(): Functions {
    const { options, settings, clock, meter, network } = this;
    return new Functions({ options, settings, clock, meter, network, environment: () => this.environment });
  }

  /** Complete only when the endpoints listen. */
  private get environment(): CloudEnvironment {
    const { endpoints, settings, access, eventConfig: events } = this;
    return { endpoints, settings, access, bridge: this.namedBridge, events };
  }

  private get namedBridge() {
    return this.bridge && { broker: brokerName, ...this.bridge };
  }

  private createGateway(): Gateway {
    const { idleSeconds = 600, ageSeconds = 7200, bufferBytes = 1024 * 1024 } = this.options;
    return new Gateway({
      packets: this.queues.byName.packets,
      onConnect: (event) => this.functions.pools.onConnect.invoke(event),
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
      sqs: new SqsApi(this.queues.byName, this.meter),
      iot: () => this.iot,
      events: this.eventsApi,
      faults: this.faults,
      kill: (caller) => this.functions.killCaller(caller),
    });
  }

  private createSchedules(): Schedule[] {
    const { clock, meter } = this;
    const every = (seconds: number, name: FunctionName) =>
      new Schedule({ clock, meter, seconds, invoke: (event) => this.functions.pools[name].invoke(event) });
    const { sysTopicsMinutes } = this.settings;
    return [
      every(scheduleSeconds, 'onSchedule'),
      ...(sysTopicsMinutes > 0 ? [every(60 * sysTopicsMinutes, 'onSystemTopics')] : []),
    ];
  }

  private createHttpApi(): HttpApi {
    return new HttpApi({
      invoke: (event) => this.functions.pools.onApi.invoke(event),
      meter: this.meter,
      clock: this.clock,
    });
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
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}
