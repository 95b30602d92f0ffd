import { Duration, Names, Stack } from 'aws-cdk-lib';
import type { HttpApi, HttpStage, WebSocketApi, WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2';
import type { Alarm, Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IConstruct } from 'constructs';
import { type OperationName, operations } from '../lambdas/api/operations';
import { scheduleSeconds } from '../lambdas/deployment';
import type { TableName } from '../lambdas/storage/schema';
import type { MetricName } from '../lambdas/telemetry/catalogue';
import { AccountLogRole } from './account-log-role';
import type { BrokerFunction } from './broker-function';
import { createFunctions, joinFunctions } from './broker-functions';
import { brokerMetric, refuseUnwritten } from './broker-metric';
import { BrokerQueue } from './broker-queue';
import { BrokerTables } from './broker-tables';
import { constructId } from './by-name';
import { Configuration } from './configuration';
import { Console } from './console';
import { type ByFunction, type ByQueue, byFunction, byQueue } from './deployed';
import { eventTargetOf } from './event-bus';
import { oneInStack } from './find-in-stack';
import { HttpGateway } from './http-gateway';
import { IotBridge } from './iot-bridge';
import { createMonitoring } from './monitoring';
import { type BrokerOptions, readOptions } from './options';
import { retentionOf } from './retention';
import { Schedule } from './schedule';
import { WebsocketGateway } from './websocket-gateway';

/**
 * The options of docs/options.md under the same names, with the same defaults and limits. Only `brokerName` differs: it
 * defaults to the path of the construct, cut to 40 characters, so that two brokers do not share a name by accident.
 * Paths of files are relative to the folder that the app is synthesised in.
 */
export type MqttBrokerProps = Partial<BrokerOptions>;

/** An MQTT broker, in any stack: tables, queues, functions, gateways, schedule, alarms and dashboard. */
export class MqttBroker extends Construct {
  /** Name of its APIs, dashboard and metrics. */
  readonly brokerName: string;
  readonly webSocketApi: WebSocketApi;
  readonly webSocketStage: WebSocketStage;
  /** The API for backends; absent with `api` `off`, as is its stage. */
  readonly httpApi: HttpApi | undefined;
  readonly httpStage: HttpStage | undefined;
  /** The endpoint of AWS IoT Core that messages go out to, `https://…`; absent without `bridgeFile`. */
  readonly iotEndpoint: string | undefined;
  /** The page to look after it, `https://…`; absent without `console`. */
  readonly consoleUrl: string | undefined;
  /** The bus that is told of clients and messages; absent without `eventsFile`. */
  readonly eventBus: IEventBus | undefined;
  readonly tables: { readonly [Name in TableName]: Table };
  /** Those of a part, as `onApi`, are there only when it is; the same goes for queues. */
  readonly functions: ByFunction<Lambda>;
  readonly queues: ByQueue<Queue>;
  /** Of each queue under its name, and of the schedule. */
  readonly deadLetters: ByQueue<Queue> & { readonly schedule: Queue };
  /** For actions beside the letters to `alarmEmail`. */
  readonly alarms: readonly Alarm[];
  private readonly options: BrokerOptions;
  private readonly api: HttpGateway | undefined;

  /** Throws an `Error` that names what is wrong with an option or a file, and what is allowed. */
  constructor(scope: Construct, id: string, props: MqttBrokerProps = {}) {
    super(scope, id);
    const options = readOptions({ ...props, brokerName: props.brokerName ?? nameByPath(this) });
    const configuration = new Configuration(options);
    const { parts } = configuration;
    this.options = options;
    this.brokerName = options.brokerName;
    this.refuseTakenName();

    const { tables } = new BrokerTables(this, 'Tables', retentionOf(options));
    const brokerQueues = byQueue(parts, (name) => new BrokerQueue(this, constructId(name), { name }));
    const queues = byQueue(parts, (name) => brokerQueues[name]!.queue);
    const functions = createFunctions(this, { options, configuration, tables, queues });
    const gateway = this.createGateway(functions.onConnect.lambda, queues.packets);
    const schedule = this.createSchedule(functions);
    const events = eventTargetOf(options.eventsFile, Stack.of(this), configuration.room);
    joinFunctions(functions, { gateway, queues, maxConcurrency: options.maxConcurrency, events });
    const deadLetters = {
      ...byQueue(parts, (name) => brokerQueues[name]!.deadLetters),
      schedule: schedule.deadLetters,
    };
    this.api = functions.onApi && this.createApi(functions.onApi.lambda);
    const watched = { functions, queues, tables, gateway };
    this.alarms = createMonitoring(this, { options, watched, deadLetters });
    this.iotEndpoint = this.joinIotCore(functions, configuration, deadLetters.bridgeIn);

    this.tables = tables;
    this.queues = queues;
    this.deadLetters = deadLetters;
    this.functions = byFunction(parts, (name) => functions[name]!.lambda);
    this.eventBus = events && EventBus.fromEventBusArn(this, 'EventBus', events.busArn);
    this.webSocketApi = gateway.api;
    this.webSocketStage = gateway.stage;
    this.httpApi = this.api?.api;
    this.httpStage = this.api?.stage;
    this.consoleUrl = options.console ? this.createConsole().url : undefined;
  }

  /** Where MQTT clients connect: `wss://…/mqtt`. */
  get url(): string {
    return this.webSocketStage.url;
  }

  /** Where backends call the API: `https://…/api`; absent with `api` `off`. */
  get apiUrl(): string | undefined {
    return this.httpStage?.url;
  }

  /** Lets a backend publish by the API, to any topic. Throws an `Error` where there is no API, as the three below. */
  grantPublish(grantee: IGrantable): Grant {
    return this.grantInvoke(grantee, 'publish');
  }

  /** Lets somebody list and look at clients and retained messages by the API, and change nothing. */
  grantRead(grantee: IGrantable): Grant {
    return this.grantInvoke(grantee, ...operationNames.filter((name) => operations[name].method === 'GET'));
  }

  /** Lets somebody do all that the API has: publish, send to clients, list and disconnect them, remove retained messages. */
  grantManage(grantee: IGrantable): Grant {
    return this.grantInvoke(grantee, ...operationNames);
  }

  /** Lets somebody call single operations of the API, by their names in docs/openapi.json. Throws for others, and for none. */
  grantInvoke(grantee: IGrantable, ...names: OperationName[]): Grant {
    refuseUnknown(names);
    if (this.api) return this.api.grantInvoke(grantee, names);
    throw new Error(`api of ${this.brokerName} is "off", but must be "on" to grant calls of it`);
  }

  /** Lets somebody add, change, list and remove the accounts of users, as `cirrus-mqtt users` does. */
  grantManageAccounts(grantee: IGrantable): Grant {
    const actions = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:Scan'];
    return Grant.addToPrincipal({ grantee, actions, resourceArns: [this.tables.accounts.tableArn] });
  }

  /**
   * A number that the broker writes of itself, docs/cost.md lists them: the sum of five minutes, unless told otherwise.
   * Throws an `Error` for one that the option `metrics` leaves out.
   */
  metric(name: MetricName, options?: MetricOptions): Metric {
    refuseUnwritten(name, this.options.metrics);
    return brokerMetric(this.brokerName, name, options);
  }

  private createGateway(onConnect: Lambda, packets: Queue): WebsocketGateway {
    const { brokerName: apiName, stageName, throttleRate, throttleBurst, connectRate, connectBurst } = this.options;
    const gateway = new WebsocketGateway(this, 'Gateway', {
      ...{ apiName, stageName, throttleRate, throttleBurst, connectRate, connectBurst },
      ...{ onConnect, packets },
      ...retentionOf(this.options),
    });
    if (this.options.accountLogRole === 'create') gateway.stage.node.addDependency(AccountLogRole.of(this));
    return gateway;
  }

  private createSchedule({ onSchedule, onSystemTopics }: ByFunction<BrokerFunction>): Schedule {
    const schedule = new Schedule(this, 'Schedule');
    schedule.run('', onSchedule.lambda, Duration.seconds(scheduleSeconds));
    const interval = Duration.minutes(this.options.sysTopicsMinutes);
    if (onSystemTopics) schedule.run('SystemTopics', onSystemTopics.lambda, interval);
    return schedule;
  }

  private createApi(onApi: Lambda): HttpGateway {
    const { brokerName: apiName, apiRate: rate, apiBurst: burst } = this.options;
    return new HttpGateway(this, 'Api', { apiName, rate, burst, onApi, ...retentionOf(this.options) });
  }

  private createConsole(): Console {
    const { url: brokerUrl, apiUrl, brokerName } = this;
    return new Console(this, 'Console', { brokerName, brokerUrl, apiUrl, logRetention: this.options.logRetentionDays });
  }

  private joinIotCore(
    { onBridgeOut, onBridgeIn }: ByFunction<BrokerFunction>,
    { bridge }: Configuration,
    deadLetters: Queue | undefined,
  ): string | undefined {
    if (!bridge || !onBridgeOut || !onBridgeIn || !deadLetters) return undefined;
    const logRetention = this.options.logRetentionDays;
    return new IotBridge(this, 'IotBridge', { bridge, onBridgeOut, onBridgeIn, deadLetters, logRetention }).endpoint
      .url;
  }

  /** CloudFormation would find out late: a dashboard needs a name of its own, and metrics would be those of both. */
  private refuseTakenName(): void {
    const isNamesake = (each: IConstruct): each is MqttBroker =>
      each instanceof MqttBroker && each !== this && each.brokerName === this.brokerName;
    const taken = oneInStack(this, isNamesake);
    if (taken) {
      const name = JSON.stringify(this.brokerName);
      throw new Error(`brokerName is ${name}, but must be another than that of ${taken.node.path} in the same stack`);
    }
  }
}

const operationNames = Object.keys(operations) as OperationName[];

/** JavaScript does not check names, and IAM says only that a policy has no resource. */
function refuseUnknown(names: readonly OperationName[]): void {
  const unknown = names.find((name) => !operationNames.includes(name));
  if (names.length > 0 && unknown === undefined) return;
  throw new Error(
    `grantInvoke takes one or more of ${operationNames.join(', ')}, not ${JSON.stringify(unknown ?? [])}`,
  );
}

/** E.g. `Garage-Mqtt-1A2B3C4D`, of the stack `Garage` and the construct `Mqtt`. */
function nameByPath(construct: MqttBroker): string {
  return Names.uniqueResourceName(construct, { maxLength: 40, separator: '-', allowedSpecialCharacters: '-' });
}
