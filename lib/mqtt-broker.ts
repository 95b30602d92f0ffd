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
import { attachFunctions, createFunctions } from './broker-functions';
import { assertMetricEnabled, brokerMetric } from './broker-metric';
import { BrokerQueue } from './broker-queue';
import { BrokerTables } from './broker-tables';
import { constructId } from './by-name';
import { Configuration } from './configuration';
import { Console } from './console';
import { type ByFunction, type ByQueue, byFunction, byQueue } from './deployed';
import { eventTargetOf } from './event-bus';
import { findInStack } from './find-in-stack';
import { HttpGateway } from './http-gateway';
import { IotBridge } from './iot-bridge';
import { createMonitoring } from './monitoring';
import { type BrokerOptions, readOptions } from './options';
import { retentionOf } from './retention';
import { Schedule } from './schedule';
import { WebsocketGateway } from './websocket-gateway';

/**
 * Options of a broker, all optional: the options of docs/options.md, with the same names, defaults and limits. Two things differ:
 *
 * - `brokerName` defaults to the path of the construct, cut to 40 characters, so that two brokers never share a name by accident.
 * - Paths of files are relative to the folder in which the app is synthesized.
 */
export type MqttBrokerProps = Partial<BrokerOptions>;

/**
 * A complete MQTT 3.1.1 and 5.0 broker for any stack: tables, queues, functions, gateways, schedule, alarms and dashboard.
 *
 * @example
 * import { App, CfnOutput, Stack } from 'aws-cdk-lib';
 * import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
 * import { MqttBroker } from 'cirrus-mqtt';
 *
 * const stack = new Stack(new App(), 'Greenhouse');
 * const broker = new MqttBroker(stack, 'Broker', { accessFile: 'access.json', logRetentionDays: 7 });
 * new CfnOutput(stack, 'BrokerUrl', { value: broker.url });
 *
 * const backend = new Role(stack, 'Backend', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
 * broker.grantPublish(backend);
 */
export class MqttBroker extends Construct {
  /** Name of the APIs, the dashboard and the metrics. */
  readonly brokerName: string;
  /** The WebSocket API that MQTT clients connect to. */
  readonly webSocketApi: WebSocketApi;
  /** The stage of the WebSocket API. */
  readonly webSocketStage: WebSocketStage;
  /** The HTTP API for backends; undefined with `api: 'off'`. */
  readonly httpApi: HttpApi | undefined;
  /** The stage of the HTTP API; undefined with `api: 'off'`. */
  readonly httpStage: HttpStage | undefined;
  /** Endpoint of AWS IoT Core for outgoing messages, `https://…`; undefined without `bridgeFile`. */
  readonly iotEndpoint: string | undefined;
  /** Address of the console, `https://…`; undefined without `console`. */
  readonly consoleUrl: string | undefined;
  /** The EventBridge bus that events are sent to; undefined without `eventsFile`. */
  readonly eventBus: IEventBus | undefined;
  /** DynamoDB tables by name. */
  readonly tables: { readonly [Name in TableName]: Table };
  /** Lambda functions by name; undefined for functions of optional parts that are not deployed, for example `onApi`. */
  readonly functions: ByFunction<Lambda>;
  /** SQS queues by name; undefined for queues of optional parts that are not deployed. */
  readonly queues: ByQueue<Queue>;
  /** Dead-letter queue of each queue under its name, and of the schedule. */
  readonly deadLetters: ByQueue<Queue> & { readonly schedule: Queue };
  /** All alarms. They send emails to `alarmEmail`; further actions can be added. */
  readonly alarms: readonly Alarm[];
  private readonly options: BrokerOptions;
  private readonly api: HttpGateway | undefined;

  /** @throws Error that names the invalid option or file, and the allowed values */
  constructor(scope: Construct, id: string, props: MqttBrokerProps = {}) {
    super(scope, id);
    const options = readOptions({ ...props, brokerName: props.brokerName ?? nameFromPath(this) });
    const configuration = new Configuration(options);
    const { parts } = configuration;
    this.options = options;
    this.brokerName = options.brokerName;
    this.assertUniqueName();

    const { tables } = new BrokerTables(this, 'Tables', retentionOf(options));
    const brokerQueues = byQueue(parts, (name) => new BrokerQueue(this, constructId(name), { name }));
    const queues = byQueue(parts, (name) => brokerQueues[name]!.queue);
    const functions = createFunctions(this, { options, configuration, tables, queues });
    const gateway = this.createGateway(functions.onConnect.lambda, queues.packets);
    const schedule = this.createSchedule(functions);
    const events = eventTargetOf(options.eventsFile, Stack.of(this), configuration.remainingBytes);
    attachFunctions(functions, { gateway, queues, maxConcurrency: options.maxConcurrency, events });
    const deadLetters = {
      ...byQueue(parts, (name) => brokerQueues[name]!.deadLetters),
      schedule: schedule.deadLetters,
    };
    this.api = functions.onApi && this.createApi(functions.onApi.lambda);
    const resources = { functions, queues, tables, gateway };
    this.alarms = createMonitoring(this, { options, resources, deadLetters });
    this.iotEndpoint = this.createIotBridge(functions, configuration, deadLetters.bridgeIn);

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

  /** Address for MQTT clients: `wss://…/mqtt`. */
  get url(): string {
    return this.webSocketStage.url;
  }

  /** Address of the HTTP API: `https://…/api`; undefined with `api: 'off'`. */
  get apiUrl(): string | undefined {
    return this.httpStage?.url;
  }

  /**
   * Grants publishing to any topic by the API.
   *
   * @throws Error with `api: 'off'`
   */
  grantPublish(grantee: IGrantable): Grant {
    return this.grantInvoke(grantee, 'publish');
  }

  /**
   * Grants reading of clients and retained messages by the API.
   *
   * @throws Error with `api: 'off'`
   */
  grantRead(grantee: IGrantable): Grant {
    return this.grantInvoke(grantee, ...operationNames.filter((name) => operations[name].method === 'GET'));
  }

  /**
   * Grants every operation of the API: publish, send to clients, list and disconnect them, remove retained messages.
   *
   * @throws Error with `api: 'off'`
   */
  grantManage(grantee: IGrantable): Grant {
    return this.grantInvoke(grantee, ...operationNames);
  }

  /**
   * Grants single operations of the API, by their names in docs/openapi.json.
   *
   * @throws Error for an unknown name, without a name, or with `api: 'off'`
   */
  grantInvoke(grantee: IGrantable, ...names: OperationName[]): Grant {
    assertOperations(names);
    if (this.api) return this.api.grantInvoke(grantee, names);
    throw new Error(`api of ${this.brokerName} is "off", but must be "on" to grant calls of it`);
  }

  /** Grants adding, changing, listing and removing of user accounts, as `cirrus-mqtt users` does it. */
  grantManageAccounts(grantee: IGrantable): Grant {
    const actions = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:Scan'];
    return Grant.addToPrincipal({ grantee, actions, resourceArns: [this.tables.accounts.tableArn] });
  }

  /**
   * Returns a metric that the broker emits (docs/cost.md lists them). Default: the sum over five minutes.
   *
   * @throws Error for a metric that is not emitted with the option `metrics` of this broker
   */
  metric(name: MetricName, options?: MetricOptions): Metric {
    assertMetricEnabled(name, this.options.metrics);
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

  private createIotBridge(
    { onBridgeOut, onBridgeIn }: ByFunction<BrokerFunction>,
    { bridge }: Configuration,
    deadLetters: Queue | undefined,
  ): string | undefined {
    if (!bridge || !onBridgeOut || !onBridgeIn || !deadLetters) return undefined;
    const logRetention = this.options.logRetentionDays;
    return new IotBridge(this, 'IotBridge', { bridge, onBridgeOut, onBridgeIn, deadLetters, logRetention }).endpoint
      .url;
  }

  /**
   * Two brokers of a stack need different names. Otherwise the dashboards collide, which CloudFormation reports only at deployment, and
   * the metrics of both brokers mix.
   */
  private assertUniqueName(): void {
    const isNamesake = (each: IConstruct): each is MqttBroker =>
      each instanceof MqttBroker && each !== this && each.brokerName === this.brokerName;
    const taken = findInStack(this, isNamesake);
    if (taken) {
      const name = JSON.stringify(this.brokerName);
      throw new Error(`brokerName is ${name}, but ${taken.node.path} in the same stack has that name`);
    }
  }
}

const operationNames = Object.keys(operations) as OperationName[];

/** Checks names at run time, for callers in JavaScript. IAM would only report a policy without resources. */
function assertOperations(names: readonly OperationName[]): void {
  const unknown = names.find((name) => !operationNames.includes(name));
  if (names.length > 0 && unknown === undefined) return;
  throw new Error(
    `grantInvoke takes one or more of ${operationNames.join(', ')}, not ${JSON.stringify(unknown ?? [])}`,
  );
}

/** Returns for example `Garage-Mqtt-1A2B3C4D` for the construct `Mqtt` of the stack `Garage`. */
function nameFromPath(construct: MqttBroker): string {
  return Names.uniqueResourceName(construct, { maxLength: 40, separator: '-', allowedSpecialCharacters: '-' });
}
