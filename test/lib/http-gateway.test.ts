import { describe, expect, it } from '@jest/globals';
import { routes } from '../../lambdas/api/operations';
import { readable, resourcesOf, synthesize } from './synthesize';

const template = synthesize({ apiRate: 7, apiBurst: 3, logRetentionDays: 5 });
const of = (type: string) => Object.entries(resourcesOf(template, `AWS::ApiGatewayV2::${type}`));
const apiRoutes = of('Route').filter(([id]) => id.startsWith('Api'));
const [[, stage]] = of('Stage').filter(([id]) => id.startsWith('Api')) as [ReturnType<typeof of>[number]];

describe('the HTTP API', () => {
  it('has the routes of the operations, IAM on each, and all of them call one function', () => {
    expect(apiRoutes.map(([, { Properties }]) => Properties.RouteKey).sort()).toEqual([...routes.keys()].sort());
    for (const [, { Properties }] of apiRoutes) expect(Properties.AuthorizationType).toBe('AWS_IAM');

    const integrations = of('Integration').filter(([id]) => id.startsWith('Api'));
    expect(integrations.length).toBe(1);
    expect(integrations[0]?.[1].Properties).toMatchObject({
      IntegrationType: 'AWS_PROXY',
      PayloadFormatVersion: '2.0',
    });
    expect(readable(integrations[0]?.[1].Properties.IntegrationUri)).toBe('OnApiFunction.Arn');
  });

  it('lets no page of another origin call it', () => {
    const apis = of('Api').filter(([, { Properties }]) => Properties.ProtocolType === 'HTTP');

    expect(apis.map(([, { Properties }]) => Properties.CorsConfiguration)).toEqual([undefined]);
  });

  it('is held to the limits of the options', () => {
    expect(stage.Properties).toMatchObject({
      StageName: 'api',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 7, ThrottlingBurstLimit: 3, DetailedMetricsEnabled: true },
    });
  });

  it('logs who called what, and nothing that was said', () => {
    const { DestinationArn, Format } = stage.Properties.AccessLogSettings;

    expect(readable(DestinationArn)).toContain('ApiAccessLog');
    expect(resourcesOf(template, 'AWS::Logs::LogGroup').ApiAccessLog?.Properties.RetentionInDays).toBe(5);
    expect(Object.values<string>(JSON.parse(Format)).sort()).toEqual([
      '$context.error.responseType',
      '$context.identity.sourceIp',
      '$context.identity.userArn',
      '$context.integration.latency',
      '$context.integration.status',
      '$context.requestId',
      '$context.requestTimeEpoch',
      '$context.routeKey',
      '$context.status',
    ]);
  });

  it('is not there when it is off, nor its function', () => {
    const without = synthesize({ api: 'off' });

    expect(Object.keys(resourcesOf(without, 'AWS::Lambda::Function'))).not.toContain('OnApiFunction');
    expect(Object.values(resourcesOf(without, 'AWS::ApiGatewayV2::Api')).length).toBe(1);
    expect(without.toJSON().Outputs.ApiUrl).toBeUndefined();
  });
});
