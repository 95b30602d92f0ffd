import { Aws, type RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  type CfnStage,
  HttpMethod,
  LogGroupLogDestination,
  PassthroughBehavior,
  WebSocketApi,
  type WebSocketRoute,
  type WebSocketRouteIntegration,
  WebSocketStage,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { WebSocketAwsIntegration, WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { type IRole, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { disconnectTemplate, frameTemplate } from './packet-template';

export interface WebsocketGatewayProps {
  readonly apiName: string;
  readonly stageName: string;
  readonly throttleRate: number;
  readonly throttleBurst: number;
  /** Handshakes per second. Anybody who knows the address can start them. */
  readonly connectRate: number;
  readonly connectBurst: number;
  readonly onConnect: IFunction;
  readonly packets: Queue;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** The WebSocket API. A handshake invokes a Lambda function; frames and disconnects go directly to the packets queue. */
export class WebsocketGateway extends Construct {
  readonly api: WebSocketApi;
  readonly stage: WebSocketStage;

  constructor(scope: Construct, id: string, props: WebsocketGatewayProps) {
    super(scope, id);
    this.api = new WebSocketApi(this, 'Api', { apiName: props.apiName, routeSelectionExpression: selectDefault });
    const connectRoute = this.addRoutes(props);
    this.stage = this.createStage(props);
    this.throttleHandshakes(connectRoute, props);
  }

  /** Returns the ARN of one @connections method, for every connection of the stage. */
  connectionsArn(method: string): string {
    return this.api.arnForExecuteApiV2(`${method}/@connections/*`, this.stage.stageName);
  }

  private addRoutes(props: WebsocketGatewayProps): WebSocketRoute {
    const sender = new Role(this, 'Sender', { assumedBy: new ServicePrincipal('apigateway.amazonaws.com') });
    sender.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [props.packets.queueArn] }));

    const target = { queue: props.packets, role: sender };
    this.addRoute('$default', sendTo(target, 'Frame', frameTemplate));
    this.addRoute('$disconnect', sendTo(target, 'Disconnect', disconnectTemplate));
    return this.addRoute('$connect', new WebSocketLambdaIntegration('OnConnect', props.onConnect));
  }

  private addRoute(routeKey: RouteKey, integration: WebSocketRouteIntegration): WebSocketRoute {
    const route = this.api.addRoute(routeKey, { integration });
    Validations.of(route).acknowledge({ id: 'AwsSolutions-APIG4', reason: reasonForNoAuthorizer[routeKey] });
    return route;
  }

  private createStage(props: WebsocketGatewayProps): WebSocketStage {
    const logGroup = new LogGroup(this, 'AccessLog', {
      retention: props.logRetention,
      removalPolicy: props.removalPolicy,
    });
    return new WebSocketStage(this, 'Stage', {
      webSocketApi: this.api,
      stageName: props.stageName,
      autoDeploy: true,
      throttle: { rateLimit: props.throttleRate, burstLimit: props.throttleBurst },
      detailedMetricsEnabled: true,
      accessLogSettings: { destination: new LogGroupLogDestination(logGroup), format: accessLogFormat },
    });
  }

  /** Limits handshakes separately. Under the limits of the stage an attacker could start as many handshakes as all clients send frames. */
  private throttleHandshakes(route: WebSocketRoute, props: WebsocketGatewayProps): void {
    const stage = this.stage.node.defaultChild as CfnStage;
    stage.routeSettings = {
      // CloudFormation passes this JSON on unchanged, so the names have its capitalization.
      $connect: {
        ThrottlingRateLimit: props.connectRate,
        ThrottlingBurstLimit: props.connectBurst,
        DetailedMetricsEnabled: true,
      },
    };
    this.stage.node.addDependency(route); // creating a stage fails if a route of its settings does not exist yet
  }
}

// A selection expression on the body would let a client choose its route: a JSON frame could name `$disconnect`.
const selectDefault = '\\$default';

type RouteKey = '$connect' | '$default' | '$disconnect';

const afterHandshake =
  'API Gateway authorizes only the handshake; the MQTT CONNECT packet authenticates the connection';

const reasonForNoAuthorizer: { readonly [Key in RouteKey]: string } = {
  $connect: 'MQTT clients authenticate with the CONNECT packet; the handshake only agrees on the subprotocol',
  $default: afterHandshake,
  $disconnect: afterHandshake,
};

// A query string may contain a token, so no field that could contain one is logged.
const accessLogFormat = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    time: '$context.requestTimeEpoch',
    eventType: '$context.eventType',
    routeKey: '$context.routeKey',
    status: '$context.status',
    connectionId: '$context.connectionId',
    sourceIp: '$context.identity.sourceIp',
    integrationStatus: '$context.integration.status',
    integrationLatency: '$context.integration.latency',
    errorType: '$context.error.responseType',
  }),
);

interface SendTarget {
  readonly queue: Queue;
  /** Role with which API Gateway sends. */
  readonly role: IRole;
}

function sendTo({ queue, role }: SendTarget, id: string, template: string): WebSocketAwsIntegration {
  return new WebSocketAwsIntegration(id, {
    integrationUri: `arn:${Aws.PARTITION}:apigateway:${Aws.REGION}:sqs:path/${Aws.ACCOUNT_ID}/${queue.queueName}`,
    integrationMethod: HttpMethod.POST,
    credentialsRole: role,
    passthroughBehavior: PassthroughBehavior.NEVER,
    requestParameters: { 'integration.request.header.Content-Type': "'application/x-www-form-urlencoded'" },
    templateSelectionExpression: selectDefault,
    requestTemplates: { $default: template },
  });
}
