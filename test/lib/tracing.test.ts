import { describe, expect, it } from '@jest/globals';
import { AwsSolutionsChecks } from 'cdk-nag';
import { type FunctionName, functions } from '../../lambdas/deployment';
import { constructId } from '../../lib/by-name';
import { bridgeFile, createStack, grantsOf, resourcesOf, synthesize } from './synthesize';

const everything = { bridgeFile, sysTopicsMinutes: 1 };
const names = Object.keys(functions) as FunctionName[];

function traced(options: Record<string, unknown>) {
  const template = synthesize({ ...everything, ...options });
  const lambdas = resourcesOf(template, 'AWS::Lambda::Function');
  return names.map((name) => ({
    mode: lambdas[`${constructId(name)}Function`]?.Properties.TracingConfig?.Mode,
    grants: grantsOf(template, `${constructId(name)}Role`).filter((grant) => grant.startsWith('xray:')),
  }));
}

describe('tracing', () => {
  it('is off by default: no mode and no grant', () => {
    expect(traced({})).toEqual(names.map(() => ({ mode: undefined, grants: [] })));
  });

  it('is on for every function, which may write traces only', () => {
    const grants = ['xray:PutTelemetryRecords *', 'xray:PutTraceSegments *'];

    expect(traced({ tracing: 'on' })).toEqual(names.map(() => ({ mode: 'Active', grants })));
  });

  it('passes AWS Solutions checks, with a reason for the wildcard of X-Ray', () => {
    const stack = createStack({ ...everything, tracing: 'on' });

    expect(new AwsSolutionsChecks().validateScope(stack).violations).toEqual([]);
  });

  it('does not change the code of functions', () => {
    const variables = (options: Record<string, unknown>) =>
      Object.values(resourcesOf(synthesize(options), 'AWS::Lambda::Function')).map(
        ({ Properties }) => Properties.Environment.Variables,
      );

    expect(variables({ tracing: 'on' })).toEqual(variables({}));
  });
});
