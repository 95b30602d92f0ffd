import { describe, expect, it } from '@jest/globals';
import { readOptions } from '../../lib/options';
import { grantsOf, readable, resourcesOf, synthesize } from './synthesize';

const options = {
  alarmEmail: 'me@example.org',
  connectRate: 40,
  connectBurst: 80,
  throttleRate: 500,
  throttleBurst: 700,
};
const template = synthesize({ ...options, brakePercent: 30 });
const alarms = resourcesOf(template, 'AWS::CloudWatch::Alarm');
const [handshakes, frames] = [alarms.BrakeHandshakes!.Properties, alarms.BrakeFrames!.Properties];
const brakesIn = (of: typeof template) =>
  Object.keys(resourcesOf(of, 'AWS::CloudWatch::Alarm')).filter((id) => id.startsWith('Brake'));

describe('the brake', () => {
  it('is created with alarmEmail, unless it is disabled', () => {
    expect(brakesIn(synthesize({ alarmEmail: 'me@example.org' }))).toEqual(['BrakeHandshakes', 'BrakeFrames']);
    expect(brakesIn(synthesize({ alarmEmail: 'me@example.org', brakePercent: 0 }))).toEqual([]);
    expect(brakesIn(synthesize())).toEqual([]);
  });

  it('fails the synthesis if it is configured without alarmEmail', () => {
    expect(() => readOptions({ brakePercent: 30 })).toThrow(/^brakePercent\b.*\balarmEmail\b/);
    expect(readOptions({ brakePercent: 0 }).brakePercent).toBe(0);
  });

  it('evaluates two metrics that AWS publishes, for 15 minutes', () => {
    const watched = { Statistic: 'Sum', Period: 300, EvaluationPeriods: 3, TreatMissingData: 'notBreaching' };

    expect(handshakes).toMatchObject({ ...watched, MetricName: 'ConnectCount', Threshold: 40 * 300 * 0.3 });
    expect(frames).toMatchObject({ ...watched, MetricName: 'NumberOfMessagesSent', Threshold: 500 * 300 * 0.3 });
    expect(readable(frames.Dimensions[0].Value)).toBe('PacketsQueue.QueueName');
    expect(handshakes.Dimensions.map(({ Value }: { Value: unknown }) => readable(Value))).toEqual([
      'GatewayApi',
      'mqtt',
    ]);
  });

  it('notifies the operator and invokes its function, which leaves a tenth of the limits', () => {
    const lambda = resourcesOf(template, 'AWS::Lambda::Function').BrakeFunction!.Properties;

    for (const { AlarmActions } of [handshakes, frames]) {
      expect(AlarmActions.map(readable)).toEqual(['AlarmsTopic', 'BrakeFunction.Arn']);
    }
    expect(JSON.parse(readable(lambda.Environment.Variables.BRAKE))).toEqual({
      apiId: 'GatewayApi',
      stageName: 'mqtt',
      frames: { rate: 50, burst: 50 },
      handshakes: { rate: 4, burst: 4 },
    });
  });

  it('may update one stage and nothing else', () => {
    const [stage, ...others] = grantsOf(template, 'BrakeRole').filter((grant) => !grant.startsWith('logs:'));

    expect(stage).toBe('apigateway:PATCH arn:AWS::Partition:apigateway:AWS::Region::/apis/GatewayApi/stages/mqtt');
    expect(others).toEqual([]);
  });

  it('may be invoked by its two alarms only', () => {
    const permissions = Object.values(resourcesOf(template, 'AWS::Lambda::Permission'))
      .map(({ Properties }) => Properties)
      .filter(({ FunctionName }) => readable(FunctionName) === 'BrakeFunction.Arn');

    expect(permissions.map(({ SourceArn }) => readable(SourceArn)).sort()).toEqual([
      'BrakeFrames.Arn',
      'BrakeHandshakes.Arn',
    ]);
    for (const { Principal } of permissions) expect(Principal).toBe('lambda.alarms.cloudwatch.amazonaws.com');
  });

  it('describes in the email the command that restores the limits, within the limit of CloudWatch', () => {
    for (const { AlarmDescription } of [handshakes, frames]) {
      const description = readable(AlarmDescription);
      const [, , frameSettings, connectSettings] =
        /(aws apigatewayv2 update-stage .*)--default-route-settings '(.*)' --route-settings '(.*)'$/.exec(
          description,
        ) ?? [];

      expect(description.length).toBeLessThan(900); // CloudWatch: 1,024, with the real id, Region and longest stage
      expect(description).toContain('--api-id GatewayApi --stage-name mqtt');
      expect(JSON.parse(frameSettings!)).toMatchObject({ ThrottlingRateLimit: 500, ThrottlingBurstLimit: 700 });
      expect(JSON.parse(connectSettings!)).toMatchObject({
        $connect: { ThrottlingRateLimit: 40, ThrottlingBurstLimit: 80 },
      });
    }
  });
});
