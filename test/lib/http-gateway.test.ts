import { describe, expect, it } from '@jest/globals';
import { routes } from '../../lambdas/api/operations';
import { readable, resourcesOf, synthesize } from './synthesize';

const template = synthesize({ apiRate: 7, apiBurst: 3, logRetentionDays: 5 });
const of = (type: string) => Object.entries(resourcesOf(template, `AWS::ApiGatewayV2::${type}`));
const apiRoutes = of('Route').filter(([id]) => id.startsWith('Api'));
const [[, stage]] = of('Stage').filter(([id]) => id.startsWith('Api')) as [ReturnType<typeof of>[number]];

describe('the HTTP API', () => {
  it('has a route with IAM for each operation, all of one function', () => {
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

  it('has no CORS', () => {
    const apis = of('Api').filter(([, { Properties }]) => Properties.ProtocolType === 'HTTP');

    expect(apis.map(([, { Properties }]) => Properties.CorsConfiguration)).toEqual([undefined]);
  });

  it('has the throttling limits of the options', () => {
    expect(stage.Properties).toMatchObject({
      StageName: 'api',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 7, ThrottlingBurstLimit: 3, DetailedMetricsEnabled: true },
    });
  });

  it('logs caller and operation, and no content', () => {
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

  it('is not deployed with api off, nor its function', () => {
    const without = synthesize({ api: 'off' });

    expect(Object.keys(resourcesOf(without, 'AWS::Lambda::Function'))).not.toContain('OnApiFunction');
    expect(Object.values(resourcesOf(without, 'AWS::ApiGatewayV2::Api')).length).toBe(1);
    expect(without.toJSON().Outputs.ApiUrl).toBeUndefined();
  });
});
