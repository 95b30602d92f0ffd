import { CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Bridge } from '../lambdas/bridge/bridge-config';
import {
  accessVariable,
  brokerVariable,
  type FunctionName,
  functions,
  type Part,
  type QueueName,
  queues,
} from '../lambdas/deployment';
import { settingVariables } from '../lambdas/settings';
import { accessBudget, accessVariableOf } from './access-variable';
import { AccountLogRole } from './account-log-role';
import { Alarms } from './alarms';
import { bridgeOf, bridgeVariableOf } from './bridge-variable';
import { BrokerFunction } from './broker-function';
import { BrokerQueue } from './broker-queue';
import { BrokerTables } from './broker-tables';
import { bundling } from './bundling';
import { byName, constructId } from './by-name';
import { Console } from './console';
import { Dashboard } from './dashboard';
import { type ByFunction, type ByQueue, byFunction, byQueue } from './deployed';
import { eventTargetOf } from './event-bus';
import { HttpGateway } from './http-gateway';
import { IotBridge } from './iot-bridge';
import { MonthlyBudget } from './monthly-budget';
import type { BrokerOptions } from './options';
import { Schedule } from './schedule';
import { WebsocketGateway } from './websocket-gateway';

export interface BrokerStackProps extends StackProps {
  readonly options: BrokerOptions;
}

/** One broker: tables, queues, functions, gateway and schedule, and the addresses an operator needs. */
export class BrokerStack extends Stack {
  private readonly options: BrokerOptions;
  private readonly access: Record<string, string>;
  private readonly tables: BrokerTables['byName'];
  private readonly bridge: Bridge | undefined;
  private readonly bridgeVariable: Record<string, string>;
  private readonly queues: ByQueue<BrokerQueue>;
  private readonly functions: ByFunction<BrokerFunction>;
  private readonly gateway: WebsocketGateway;
  private readonly schedule: Schedule;
  private readonly api: HttpGateway | undefined;

  constructor(scope: Construct, id: string, props: BrokerStackProps) {
    super(scope, id, { description: 'MQTT broker on API Gateway, SQS, Lambda and DynamoDB', ...props });
    this.options = props.options;
    this.access = accessVariableOf(this.options.accessFile);
    this.bridge = bridgeOf(this.options.bridgeFile, this.options.brokerName);
    this.bridgeVariable = bridgeVariableOf(this.bridge, accessBudget - (this.access[accessVariable]?.length ?? 0));
    this.tables = new BrokerTables(this, 'Tables', this.retention()).byName;
    this.queues = byQueue(this.parts, (name) => new BrokerQueue(this, constructId(name), { name }));
    this.functions = byFunction(this.parts, (name) => this.createFunction(name));
    this.gateway = this.createGateway();
    this.schedule = new Schedule(this, 'Schedule', { target: this.functions.onSchedule.lambda });
    this.joinFunctions();
    this.api = this.functions.onApi && this.createApi(this.functions.onApi);
    this.watch();
    this.printAddresses();
    this.buildBridge();
    this.buildConsole();
  }

  /** What of the deployment an operator may do without, and does not. */
  private get parts(): ReadonlySet<Part> {
    return new Set([
      ...(this.bridge ? (['bridge'] as const) : []),
      ...(this.options.api === 'on' ? (['api'] as const) : []),
    ]);
  }

  private createFunction(name: FunctionName): BrokerFunction {
    return new BrokerFunction(this, constructId(name), {
      name,
      memoryMb: this.memoryMb(name),
      reservedConcurrency: this.reservedConcurrency(name),
      environment: {
        ...settingVariables(this.options),
        [brokerVariable]: this.options.brokerName,
        ...(functions[name].access && this.access),
        ...(functions[name].bridge && this.bridgeVariable),
      },
      bundling: bundling(this.options),
      tables: this.tables,
      queues: this.ofQueues(({ queue }) => queue),
      ...this.retention(),
    });
  }

  private memoryMb(name: FunctionName): number {
    if (name === 'onPackets') return this.options.onPacketsMemoryMb;
    if (name === 'onFanOut') return this.options.onFanOutMemoryMb;
    return functions[name].memoryMb;
  }

  private reservedConcurrency(name: FunctionName): number | undefined {
    const { connectConcurrency } = this.options;
    return name === 'onConnect' && connectConcurrency > 0 ? connectConcurrency : undefined;
  }

  private createGateway(): WebsocketGateway {
    const gateway = new WebsocketGateway(this, 'Gateway', {
      apiName: this.options.brokerName,
      stageName: this.options.stageName,
      throttleRate: this.options.throttleRate,
      throttleBurst: this.options.throttleBurst,
      connectRate: this.options.connectRate,
      connectBurst: this.options.connectBurst,
      onConnect: this.functions.onConnect.lambda,
      packets: this.queues.packets.queue,
      ...this.retention(),
    });
    if (this.options.accountLogRole === 'create') {
      gateway.stage.node.addDependency(new AccountLogRole(this, 'AccountLogRole'));
    }
    return gateway;
  }

  private createApi(onApi: BrokerFunction): HttpGateway {
    const { brokerName: apiName, apiRate: rate, apiBurst: burst } = this.options;
    return new HttpGateway(this, 'Api', { apiName, rate, burst, onApi: onApi.lambda, ...this.retention() });
  }

  /** Bytes that access and bridge have left in the environment of a function. */
  private room(): number {
    return accessBudget - Object.values({ ...this.access, ...this.bridgeVariable }).join('').length;
  }

  private joinFunctions(): void {
    const target = eventTargetOf(this.options.eventsFile, this, this.room());
    for (const each of Object.values(this.functions)) {
      each.allowConnections(this.gateway);
      if (target) each.allowEvents(target);
    }
    for (const [name, { queue }] of Object.entries(this.queues) as [QueueName, BrokerQueue][]) {
      const maxConcurrency = name === 'packets' ? this.options.maxConcurrency : undefined;
      this.functions[queues[name].consumer]?.consume(name, queue, maxConcurrency);
    }
  }

  private watch(): void {
    const { brokerName, alarmEmail: email, monthlyBudgetUsd: dollars, metrics } = this.options;
    const deadLetters = { ...this.ofQueues((each) => each.deadLetters), schedule: this.schedule.deadLetters };
    const { functions, queues: deployed, tables, gateway } = this;
    const watched = { functions, queues: deployed, tables, gateway };
    const alarms = new Alarms(this, 'Alarms', { deadLetters, watched, email }).all;
    new Dashboard(this, 'Dashboard', { brokerName, watched, alarms, hasMetrics: metrics !== 'off' });
    if (dollars > 0) new MonthlyBudget(this, 'MonthlyBudget', { brokerName, dollars, email });
  }

  private printAddresses(): void {
    const { stage } = this.gateway;
    const addresses = {
      BrokerUrl: stage.url,
      CallbackUrl: stage.callbackUrl,
      ...(this.api && { ApiUrl: this.api.stage.url }),
      ...suffixed(
        'Table',
        byName(this.tables, (name) => this.tables[name].tableName),
      ),
      ...suffixed(
        'QueueUrl',
        this.ofQueues(({ queue }) => queue.queueUrl),
      ),
      ...suffixed(
        'DeadLettersUrl',
        this.ofQueues(({ deadLetters }) => deadLetters.queueUrl),
      ),
    };
    for (const [id, value] of Object.entries(addresses)) new CfnOutput(this, id, { value });
  }

  private ofQueues<Value>(value: (queue: BrokerQueue) => Value): ByQueue<Value> {
    return byQueue(this.parts, (name) => value(this.queues[name]!));
  }

  private buildBridge(): void {
    const { onBridgeOut, onBridgeIn } = this.functions;
    const { bridgeIn } = this.queues;
    if (!this.bridge || !onBridgeOut || !onBridgeIn || !bridgeIn) return;
    const { endpoint } = new IotBridge(this, 'IotBridge', {
      bridge: this.bridge,
      onBridgeOut,
      onBridgeIn,
      deadLetters: bridgeIn.deadLetters,
      logRetention: this.options.logRetentionDays,
    });
    new CfnOutput(this, 'IotEndpoint', { value: endpoint.url });
  }

  private buildConsole(): void {
    const { console, brokerName, logRetentionDays: logRetention } = this.options;
    if (!console) return;
    const apiUrl = this.api?.stage.url;
    new Console(this, 'Console', { brokerName, brokerUrl: this.gateway.stage.url, apiUrl, logRetention });
  }

  private retention() {
    const { logRetentionDays, removalPolicy } = this.options;
    return { logRetention: logRetentionDays, removalPolicy: removalPolicies[removalPolicy] };
  }
}

const removalPolicies = { retain: RemovalPolicy.RETAIN, destroy: RemovalPolicy.DESTROY };

function suffixed(suffix: string, values: Readonly<Record<string, string | undefined>>) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [constructId(name) + suffix, value]));
}
