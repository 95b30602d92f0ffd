import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { App, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { contentSecurityPolicy, securityHeaders } from '../../console/security-headers';
import { BrokerStack } from '../../lib/broker-stack';
import { readOptions } from '../../lib/options';
import { acknowledgedRules, createStack, grantsOf, readable, resourcesOf, synthesize } from './synthesize';

const stack = createStack({ console: true });
const template = Template.fromStack(stack);
const only = (type: string, of = template) => Object.values(resourcesOf(of, type))[0]!.Properties;
const gateway = 'wss://GatewayApi.execute-api.AWS::Region.AWS::URLSuffix/mqtt';

describe('a stack without the console', () => {
  it('has no resource of the console', () => {
    const bare = synthesize();

    expect(Object.keys(bare.toJSON().Resources).filter((id) => /Console|CDKBucketDeployment/.test(id))).toEqual([]);
    expect(bare.toJSON().Outputs.ConsoleUrl).toBeUndefined();
  });
});

describe('a stack with the console', () => {
  it('passes AWS Solutions checks, with acknowledged findings only', () => {
    expect(new AwsSolutionsChecks().validateScope(stack).violations).toEqual([]);
  });

  it('acknowledges findings of a public page, and of the runtime that the CDK chooses', () => {
    const usual = acknowledgedRules(createStack());

    expect(acknowledgedRules(stack).filter((rule) => !usual.includes(rule))).toEqual([
      'Broker/Custom::CDKBucketDeployment8693BB64968944B69AAFB0CC9EB8756C AwsSolutions-L1',
      'Console/Bucket AwsSolutions-S1',
      'Console/Distribution AwsSolutions-CFR1',
      'Console/Distribution AwsSolutions-CFR2',
      'Console/Distribution AwsSolutions-CFR3',
      'Console/Distribution AwsSolutions-CFR4',
      'Console/Upload/Role AwsSolutions-IAM5',
    ]);
  });

  it('outputs its address', () => {
    expect(readable(template.toJSON().Outputs.ConsoleUrl.Value)).toBe('https://ConsoleDistribution.DomainName/');
  });

  it('stores the page in a bucket that only its distribution reads', () => {
    const { PublicAccessBlockConfiguration, AccessControl } = only('AWS::S3::Bucket');
    const { Statement } = only('AWS::S3::BucketPolicy').PolicyDocument;
    const allowed = Statement.filter(({ Effect }: { Effect: string }) => Effect === 'Allow');
    const readers = allowed.filter(({ Principal }: { Principal: object }) => 'Service' in Principal);

    expect(Object.values(PublicAccessBlockConfiguration)).toEqual([true, true, true, true]);
    expect(AccessControl).toBeUndefined();
    expect(readers).toHaveLength(1);
    expect(readers[0]).toMatchObject({ Action: 's3:GetObject', Principal: { Service: 'cloudfront.amazonaws.com' } });
    expect(readable(readers[0].Condition.StringEquals['AWS:SourceArn'])).toMatch(/:distribution\/ConsoleDistribution$/);
  });

  it('sends the headers that the local start sends, and HSTS', () => {
    const { SecurityHeadersConfig, CustomHeadersConfig } = only(
      'AWS::CloudFront::ResponseHeadersPolicy',
    ).ResponseHeadersPolicyConfig;
    const { ContentSecurityPolicy, ContentTypeOptions, FrameOptions, ReferrerPolicy, StrictTransportSecurity } =
      SecurityHeadersConfig;
    const custom = CustomHeadersConfig.Items.map(({ Header, Value }: Record<string, string>) => [Header, Value]);

    expect(readable(ContentSecurityPolicy.ContentSecurityPolicy)).toBe(contentSecurityPolicy([gateway]));
    expect({
      'x-content-type-options': ContentTypeOptions && 'nosniff',
      'x-frame-options': FrameOptions.FrameOption,
      'referrer-policy': ReferrerPolicy.ReferrerPolicy,
      ...Object.fromEntries(custom),
    }).toEqual(securityHeaders);
    expect(StrictTransportSecurity.AccessControlMaxAgeSec).toBe(31_536_000);
  });

  it('forwards the API below its own address, uncached, with every header except Host', () => {
    const { CacheBehaviors, Origins, DefaultCacheBehavior } = only('AWS::CloudFront::Distribution').DistributionConfig;
    const [api] = CacheBehaviors;
    const origin = Origins.find(({ Id }: { Id: string }) => Id === api.TargetOriginId);

    expect(CacheBehaviors).toHaveLength(1);
    expect(api).toMatchObject({
      PathPattern: '/api/*',
      ViewerProtocolPolicy: 'https-only',
      CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad', // CloudFront's CachingDisabled
      OriginRequestPolicyId: 'b689b0a8-53d0-40ab-baf2-68738e2966ac', // and AllViewerExceptHostHeader
    });
    expect(api.AllowedMethods).toEqual(expect.arrayContaining(['GET', 'POST', 'DELETE']));
    expect(origin.CustomOriginConfig.OriginProtocolPolicy).toBe('https-only');
    expect(readable(origin.DomainName['Fn::Select'][1]['Fn::Split'][1])).toMatch(/^https:\/\/Api\.execute-api\./);
    expect(DefaultCacheBehavior).toMatchObject({
      ViewerProtocolPolicy: 'redirect-to-https',
      AllowedMethods: ['GET', 'HEAD'],
    });
  });

  it('configures the page with the address of its broker and nothing else', () => {
    expect(configOf(stack)).toEqual({
      broker: gateway,
      api: { url: 'https://Api.execute-api.AWS::Region.AWS::URLSuffix/api', region: 'AWS::Region' },
    });
  });

  it('has no API if the broker has none', () => {
    const without = createStack({ console: true, api: 'off' });
    const { DistributionConfig } = only('AWS::CloudFront::Distribution', Template.fromStack(without));

    expect(DistributionConfig.CacheBehaviors).toBeUndefined();
    expect(configOf(without)).toEqual({ broker: gateway });
  });

  it.each(['cn-north-1', 'us-gov-west-1'])('is refused in %s', (region) => {
    const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
    const options = readOptions({ console: true });

    expect(() => new BrokerStack(app, 'There', { options, env: { region } })).toThrow(
      `console is true, but must be false in ${region}`,
    );
  });

  it('is refused by the Region of the CDK command line', () => {
    process.env.CDK_DEFAULT_REGION = 'us-gov-east-1';
    try {
      expect(() => createStack({ console: true })).toThrow('console is true, but must be false in us-gov-east-1');
    } finally {
      delete process.env.CDK_DEFAULT_REGION;
    }
  });

  it('uploads with grants for its own objects only', () => {
    expect(grantsOf(template, 'ConsoleUploadRole').map((grant) => grant.replace(/\w{64}/, 'HASH'))).toEqual([
      'logs:CreateLogStream ConsoleUploadLog.Arn',
      'logs:PutLogEvents ConsoleUploadLog.Arn',
      's3:DeleteObject ConsoleBucket.Arn/*',
      's3:GetBucketTagging ConsoleBucket.Arn',
      expect.stringMatching(/^s3:GetObject .*\/HASH\.zip$/),
      expect.stringMatching(/^s3:GetObject .*\/HASH\.zip$/),
      's3:ListBucket ConsoleBucket.Arn',
      's3:PutObject ConsoleBucket.Arn/*',
    ]);
  });

  it('has names with the Region, so that two brokers with the same name do not collide', () => {
    const names = [
      only('AWS::CloudFront::OriginAccessControl').OriginAccessControlConfig.Name,
      only('AWS::CloudFront::ResponseHeadersPolicy').ResponseHeadersPolicyConfig.Name,
    ];

    expect(names.map(readable)).toEqual(Array(2).fill('cirrus-mqtt-console-AWS::Region'));
  });
});

/** Returns the uploaded config.json, with its markers replaced as the upload does it. */
function configOf(of: Stack): unknown {
  const { directory } = (of.node.root as App).synth();
  const path = readdirSync(directory)
    .map((name) => join(directory, name, 'config.json'))
    .find(existsSync)!;
  const { SourceMarkers } = only('Custom::CDKBucketDeployment', Template.fromStack(of));
  const markers = Object.entries(Object.assign({}, ...SourceMarkers) as Record<string, unknown>);
  return JSON.parse(
    markers.reduce((text, [marker, value]) => text.replaceAll(marker, readable(value)), readFileSync(path, 'utf8')),
  );
}
