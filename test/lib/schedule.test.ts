import { describe, expect, it } from '@jest/globals';
import { grantsOf, readable, resourcesOf, synthesize } from './synthesize';

const template = synthesize();
const [schedule] = Object.values(resourcesOf(template, 'AWS::Scheduler::Schedule')).map((each) => each.Properties);
const [invocations] = Object.values(resourcesOf(template, 'AWS::Lambda::EventInvokeConfig')).map((e) => e.Properties);

describe('the schedule', () => {
  it('runs the keep-alive sweep every minute, without a flexible time window', () => {
    expect(schedule!.ScheduleExpression).toBe('rate(1 minute)');
    expect(schedule!.FlexibleTimeWindow).toEqual({ Mode: 'OFF' });
    expect(readable(schedule!.Target.Arn)).toBe('OnScheduleFunction.Arn');
  });

  it('moves a run older than the interval to dead letters', () => {
    expect(schedule!.Target.RetryPolicy).toEqual({ MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 60 });
    expect(readable(schedule!.Target.DeadLetterConfig.Arn)).toBe('ScheduleDeadLetters.Arn');
  });

  it('moves a failed run to dead letters, without a retry', () => {
    expect(readable(invocations!.FunctionName)).toBe('OnScheduleFunction');
    expect(invocations).toMatchObject({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 });
    expect(readable(invocations!.DestinationConfig.OnFailure.Destination)).toBe('ScheduleDeadLetters.Arn');
  });

  it('may invoke the sweep and send to its dead letters, and nothing else', () => {
    expect(readable(schedule!.Target.RoleArn)).toBe('ScheduleRole.Arn');
    expect(grantsOf(template, 'ScheduleRole')).toEqual([
      'lambda:InvokeFunction OnScheduleFunction.Arn',
      'sqs:SendMessage ScheduleDeadLetters.Arn',
    ]);
  });
});

describe('the schedule of $SYS topics', () => {
  const withSystemTopics = synthesize({ sysTopicsMinutes: 5 });
  const schedules = (from: typeof template) =>
    Object.entries(resourcesOf(from, 'AWS::Scheduler::Schedule')).map(([id, { Properties }]) => [
      id,
      Properties.ScheduleExpression,
      readable(Properties.Target.Arn),
    ]);

  it('runs at the configured interval, beside the sweep', () => {
    expect(schedules(withSystemTopics).sort()).toEqual([
      ['Schedule', 'rate(1 minute)', 'OnScheduleFunction.Arn'],
      ['ScheduleSystemTopicsSchedule', 'rate(5 minutes)', 'OnSystemTopicsFunction.Arn'],
    ]);
    expect(grantsOf(withSystemTopics, 'ScheduleSystemTopicsRole')).toEqual([
      'lambda:InvokeFunction OnSystemTopicsFunction.Arn',
      'sqs:SendMessage ScheduleDeadLetters.Arn',
    ]);
  });

  it('is not deployed by default, nor its function', () => {
    expect(schedules(template)).toHaveLength(1);
    expect(Object.keys(resourcesOf(template, 'AWS::Lambda::Function'))).not.toContain('OnSystemTopicsFunction');
  });
});
