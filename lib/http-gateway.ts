import type { RemovalPolicy } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  HttpApi,
  type HttpMethod,
  type HttpRoute,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { type Operation, type OperationName, operations } from '../lambdas/api/operations';
import { apiStage } from '../lambdas/deployment';

export interface HttpGatewayProps {
  readonly apiName: string;
  readonly rate: number;
  readonly burst: number;
  readonly onApi: IFunction;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** The HTTP API for backends. Each operation has its own route with IAM authorization, so that policies can allow single operations. */
export class HttpGateway extends Construct {
  readonly api: HttpApi;
  readonly stage: HttpStage;

  constructor(scope: Construct, id: string, props: HttpGatewayProps) {
    super(scope, id);
    this.api = new HttpApi(this, 'Api', {
      apiName: `${props.apiName}-api`,
      createDefaultStage: false,
      defaultAuthorizer: new HttpIamAuthorizer(),
    });
    this.addRoutes(props.onApi);
    this.stage = this.createStage(props);
  }

  /** Grants calls of operations, for every client and topic. */
  grantInvoke(grantee: IGrantable, names: readonly OperationName[]): Grant {
    const resourceArns = [...new Set(names)].map((name) => this.operationArn(operations[name]));
    return Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns });
  }

  /** Returns the ARN of an operation, with `*` for each parameter of its path. */
  private operationArn({ method, path }: Operation): string {
    return this.api.arnForExecuteApi(method, path.replace(/\{[^}]*\}/g, '*'), apiStage);
  }

  private addRoutes(onApi: IFunction): HttpRoute[] {
    const integration = new HttpLambdaIntegration('OnApi', onApi);
    return Object.values<Operation>(operations).flatMap(({ method, path }) =>
      this.api.addRoutes({ path, methods: [method as HttpMethod], integration }),
    );
  }

  private createStage(props: HttpGatewayProps): HttpStage {
    const logGroup = new LogGroup(this, 'AccessLog', {
      retention: props.logRetention,
      removalPolicy: props.removalPolicy,
    });
    return new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: apiStage,
      autoDeploy: true,
      throttle: { rateLimit: props.rate, burstLimit: props.burst },
      detailedMetricsEnabled: true,
      accessLogSettings: { destination: new LogGroupLogDestination(logGroup), format: accessLogFormat },
    });
  }
}

// Caller, operation and outcome. Paths contain client ids and topics, queries and bodies even more, so none of them is logged.
const accessLogFormat = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    time: '$context.requestTimeEpoch',
    routeKey: '$context.routeKey',
    status: '$context.status',
    caller: '$context.identity.userArn',
    sourceIp: '$context.identity.sourceIp',
    integrationStatus: '$context.integration.status',
    integrationLatency: '$context.integration.latency',
    errorType: '$context.error.responseType',
  }),
);
