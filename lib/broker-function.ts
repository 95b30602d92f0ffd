import { join } from 'node:path';
import { Duration, type RemovalPolicy } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, EventSourceMapping, RecursiveLoop, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { type BundlingOptions, NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import {
  callbackVariable,
  type FunctionName,
  type FunctionSpec,
  functions,
  type QueueName,
  queues,
} from '../lambdas/deployment';
import { type TableName, tableVariable } from '../lambdas/storage/schema';
import { acknowledgeWildcard } from './acknowledge-wildcard';
import { packageRoot } from './bundling';
import type { ByQueue } from './deployed';
import type { EventTarget } from './event-bus';
import type { WebsocketGateway } from './websocket-gateway';

export interface BrokerFunctionProps {
  readonly name: FunctionName;
  readonly memoryMb: number;
  /** Reserved concurrency in concurrent invocations; absent: the function shares the unreserved concurrency of the account. */
  readonly reservedConcurrency?: number;
  /** True if Lambda samples invocations for X-Ray. The code of the function is the same either way. */
  readonly isTraced: boolean;
  readonly environment: Record<string, string>;
  readonly bundling: BundlingOptions;
  readonly tables: { readonly [Name in TableName]: Table };
  readonly queues: ByQueue<Queue>;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** One Lambda function with its own role, limited to the resources that its entry in `lambdas/deployment.ts` lists. */
export class BrokerFunction extends Construct {
  readonly lambda: NodejsFunction;
  readonly memoryMb: number;
  private readonly spec: FunctionSpec;

  constructor(scope: Construct, id: string, props: BrokerFunctionProps) {
    super(scope, id);
    this.spec = functions[props.name];
    this.memoryMb = props.memoryMb;
    this.lambda = this.createLambda(props);
    if (props.isTraced) acknowledgeWildcard(this, '*', tracingReason);
    this.allowTables(props.tables);
    this.allowSending(props.queues);
  }

  /** Maps a queue to the function. Only failed records of a batch are delivered again (partial batch responses). */
  consume(name: QueueName, queue: Queue, maxConcurrency?: number): void {
    this.allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'], [queue.queueArn]);
    new EventSourceMapping(this, 'Source', {
      target: this.lambda,
      eventSourceArn: queue.queueArn,
      batchSize: queues[name].batchSize,
      reportBatchItemFailures: true,
      maxConcurrency,
    });
  }

  /** Grants the @connections methods that the function's description lists, and passes it the callback URL. */
  allowConnections(gateway: WebsocketGateway): void {
    if (this.spec.connections.length === 0) return;

    const resources = this.spec.connections.map((method) => gateway.connectionsArn(method));
    this.allow(['execute-api:ManageConnections'], resources);
    for (const resource of resources) acknowledgeWildcard(this, resource, connectionsReason);
    this.lambda.addEnvironment(callbackVariable, gateway.stage.callbackUrl);
  }

  /** Passes the events configuration to the function, and grants `events:PutEvents` where its description says so. */
  allowEvents({ variable, busArn }: EventTarget): void {
    if (this.spec.events === undefined) return;

    if (this.spec.events === 'hands on') this.allow(['events:PutEvents'], [busArn]);
    for (const [name, value] of Object.entries(variable)) this.lambda.addEnvironment(name, value);
  }

  private createLambda(props: BrokerFunctionProps): NodejsFunction {
    const logGroup = new LogGroup(this, 'Log', { retention: props.logRetention, removalPolicy: props.removalPolicy });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    return new NodejsFunction(this, 'Function', {
      entry: join(packageRoot, this.spec.entry),
      projectRoot: packageRoot,
      // CDK looks for a lock file to find the root and the package manager of a project. A package has none, so name a file of it.
      depsLockFilePath: join(packageRoot, 'package.json'),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMb,
      reservedConcurrentExecutions: props.reservedConcurrency,
      timeout: Duration.seconds(this.spec.timeoutSeconds),
      ...(props.isTraced && { tracing: Tracing.ACTIVE }),
      role,
      logGroup,
      environment: { ...props.environment, NODE_OPTIONS: '--enable-source-maps' },
      awsSdkConnectionReuse: false, // it would set a variable that only SDK version 2 reads
      // Consumers send to each other's queues by design. Lambda counts the hops of a message over all invocations, treats more
      // than 16 as a runaway loop, and would move messages of a busy broker to the dead-letter queue.
      recursiveLoop: consumesQueue(props.name) ? RecursiveLoop.ALLOW : RecursiveLoop.TERMINATE,
      bundling: props.bundling,
    });
  }

  private allowTables(tables: BrokerFunctionProps['tables']): void {
    const { reads, writes, scans = [] } = this.spec;
    this.allow(['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'], arns(reads, tables));
    this.allow(
      ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:BatchWriteItem'],
      arns(writes, tables),
    );
    this.allow(['dynamodb:Scan'], arns(scans, tables));
    for (const name of new Set([...reads, ...writes])) {
      this.lambda.addEnvironment(tableVariable(name), tables[name].tableName);
    }
  }

  private allowSending(targets: BrokerFunctionProps['queues']): void {
    const deployed = this.spec.sendsTo.flatMap((name) => {
      const queue = targets[name];
      return queue ? [{ name, queue }] : [];
    });
    this.allow(
      ['sqs:SendMessage'],
      deployed.map(({ queue }) => queue.queueArn),
    );
    for (const { name, queue } of deployed) this.lambda.addEnvironment(queues[name].variable, queue.queueUrl);
  }

  private allow(actions: string[], resources: string[]): void {
    if (resources.length > 0) this.lambda.addToRolePolicy(new PolicyStatement({ actions, resources }));
  }
}

const connectionsReason =
  'connection ids exist only at run time; the grant is limited to one method of one stage of this API';

const tracingReason = 'X-Ray has no resources to limit the writing of traces';

function consumesQueue(name: FunctionName): boolean {
  return Object.values(queues).some((queue) => queue.consumer === name);
}

function arns(names: readonly TableName[], tables: BrokerFunctionProps['tables']): string[] {
  return names.map((name) => tables[name].tableArn);
}
