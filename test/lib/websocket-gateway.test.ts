import { describe, expect, it } from '@jest/globals';
import { disconnectTemplate, frameTemplate } from '../../lib/packet-template';
import { grantsOf, readable, resourcesOf, synthesize } from './synthesize';

const template = synthesize({
  ...{ stageName: 'v7', throttleRate: 70, throttleBurst: 7, logRetentionDays: 3 },
  ...{ connectRate: 50, connectBurst: 5, api: 'off' },
});
const integrations = resourcesOf(template, 'AWS::ApiGatewayV2::Integration');
const routes = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Route')).map((route) => route.Properties);
const [stage] = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Stage'));
const logGroups = resourcesOf(template, 'AWS::Logs::LogGroup');

function integrationOf(routeKey: string) {
  const route = routes.find((each) => each.RouteKey === routeKey)!;
  return integrations[readable(route.Target).replace('integrations/', '')]!.Properties;
}

describe('the WebSocket API', () => {
  it('has three routes, and frames always take $default', () => {
    const [api] = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Api'));

    expect(routes.map((route) => route.RouteKey).sort()).toEqual(['$connect', '$default', '$disconnect']);
    expect(api!.Properties.ProtocolType).toBe('WEBSOCKET');
    expect(api!.Properties.RouteSelectionExpression).toBe('\\$default');
  });

  it('invokes the onConnect function at the handshake', () => {
    expect(integrationOf('$connect').IntegrationType).toBe('AWS_PROXY');
    expect(readable(integrationOf('$connect').IntegrationUri)).toContain('OnConnectFunction.Arn');
  });

  it.each([
    ['$default', frameTemplate],
    ['$disconnect', disconnectTemplate],
  ])('sends %s to the packets queue without a Lambda function in between', (routeKey, expected) => {
    const integration = integrationOf(routeKey);
    const path = 'sqs:path/AWS::AccountId/PacketsQueue.QueueName';

    expect(integration).toMatchObject({
      IntegrationType: 'AWS',
      IntegrationMethod: 'POST',
      PassthroughBehavior: 'NEVER',
      RequestParameters: { 'integration.request.header.Content-Type': "'application/x-www-form-urlencoded'" },
      TemplateSelectionExpression: '\\$default',
      RequestTemplates: { $default: expected },
    });
    expect(readable(integration.IntegrationUri)).toBe(`arn:AWS::Partition:apigateway:AWS::Region:${path}`);
    expect(readable(integration.CredentialsArn)).toBe('GatewaySender.Arn');
  });

  it('may send to the packets queue and do nothing else', () => {
    expect(grantsOf(template, 'GatewaySender')).toEqual(['sqs:SendMessage PacketsQueue.Arn']);
  });
});

describe('the stage', () => {
  it('has the name and the limits of the options', () => {
    expect(stage!.Properties).toMatchObject({
      StageName: 'v7',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 70, ThrottlingBurstLimit: 7, DetailedMetricsEnabled: true },
    });
  });

  it('limits handshakes separately, and is created after their route', () => {
    const [connectId] = Object.entries(template.findResources('AWS::ApiGatewayV2::Route')).find(
      ([, { Properties }]) => Properties.RouteKey === '$connect',
    )!;

    expect(stage!.Properties.RouteSettings).toEqual({
      $connect: { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 5, DetailedMetricsEnabled: true },
    });
    expect(stage!.DependsOn).toContain(connectId);
  });

  it('logs every request as JSON: route, time, source and outcome', () => {
    const { DestinationArn, Format } = stage!.Properties.AccessLogSettings;

    expect(readable(DestinationArn)).toContain('GatewayAccessLog');
    // Never add a field that can contain a query string, a header or a body: they can contain tokens and passwords.
    expect(Object.values<string>(JSON.parse(Format)).sort()).toEqual([
      '$context.connectionId',
      '$context.error.responseType',
      '$context.eventType',
      '$context.identity.sourceIp',
      '$context.integration.latency',
      '$context.integration.status',
      '$context.requestId',
      '$context.requestTimeEpoch',
      '$context.routeKey',
      '$context.status',
    ]);
  });

  it('has an access log with the configured retention', () => {
    expect(logGroups.GatewayAccessLog!.Properties.RetentionInDays).toBe(3);
  });

  it('is the only stage on which functions may use @connections', () => {
    const grants = grantsOf(template, 'OnPacketsRole').filter((grant) => grant.includes('@connections'));

    expect(grants.length).toBeGreaterThan(0);
    for (const grant of grants) expect(grant).toMatch(/:GatewayApi\/v7\/[A-Z]+\/@connections\/\*$/);
  });
});
