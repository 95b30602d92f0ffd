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
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { type Operation, operations } from '../lambdas/api/operations';
import { apiStage } from '../lambdas/deployment';

export interface HttpGatewayProps {
  readonly apiName: string;
  readonly rate: number;
  readonly burst: number;
  readonly onApi: IFunction;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** The HTTP API for backends: a route for each operation, so that policies can allow them one by one, and IAM on every one. */
export class HttpGateway extends Construct {
  readonly stage: HttpStage;

  constructor(scope: Construct, id: string, props: HttpGatewayProps) {
    super(scope, id);
    const api = new HttpApi(this, 'Api', {
      apiName: `${props.apiName}-api`,
      createDefaultStage: false,
      defaultAuthorizer: new HttpIamAuthorizer(),
    });
    this.addRoutes(api, props.onApi);
    this.stage = this.createStage(api, props);
  }

  private addRoutes(api: HttpApi, onApi: IFunction): HttpRoute[] {
    const integration = new HttpLambdaIntegration('OnApi', onApi);
    return Object.values<Operation>(operations).flatMap(({ method, path }) =>
      api.addRoutes({ path, methods: [method as HttpMethod], integration }),
    );
  }

  private createStage(httpApi: HttpApi, props: HttpGatewayProps): HttpStage {
    const logGroup = new LogGroup(this, 'AccessLog', {
      retention: props.logRetention,
      removalPolicy: props.removalPolicy,
    });
    return new HttpStage(this, 'Stage', {
      httpApi,
      stageName: apiStage,
      autoDeploy: true,
      throttle: { rateLimit: props.rate, burstLimit: props.burst },
      detailedMetricsEnabled: true,
      accessLogSettings: { destination: new LogGroupLogDestination(logGroup), format: accessLogFormat },
    });
  }
}

// Who did what, and how it went; paths hold client ids and topics, queries and bodies more than that, so none is logged.
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
