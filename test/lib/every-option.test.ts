import { describe, expect, it } from '@jest/globals';
import { App } from 'aws-cdk-lib';
import cdkJson from '../../cdk.json';
import { BrokerStack } from '../../lib/broker-stack';
import { type BrokerOptions, optionRules, readOptions } from '../../lib/options';
import { review } from './review';
import { everyOption } from './synthesize';

const names = Object.keys(optionRules) as (keyof BrokerOptions)[];

/** Options that require another option. */
const together: Partial<Record<keyof BrokerOptions, (keyof BrokerOptions)[]>> = {
  monthlyBudgetUsd: ['alarmEmail'],
  brakePercent: ['alarmEmail'],
};

const regions = ['us-east-1', 'eu-central-1', 'ap-southeast-1', 'us-gov-west-1', 'cn-north-1'];

/** One app for all stacks, because synthesizing many apps is slow. */
const app = new App({
  context: { ...cdkJson.context, 'aws:cdk:bundling-stacks': [] },
  builtinCloudFormationValidation: false,
});
new BrokerStack(app, 'default', { options: readOptions({}) });
for (const name of names) {
  const given = [name, ...(together[name] ?? [])].map((each) => [each, everyOption[each]]);
  new BrokerStack(app, name, { options: readOptions(Object.fromEntries(given)) });
}
for (const region of regions) {
  // GovCloud has neither budgets nor CloudFront.
  const options = readOptions({ ...everyOption, monthlyBudgetUsd: 0, console: false });
  new BrokerStack(app, region, { options, env: { account: '123456789012', region } });
}
const assembly = app.synth();
const templateOf = (id: string) => assembly.getStackByName(id).template;

describe.each(names)('the option %s alone', (name) => {
  it('changes the template', () => {
    expect(templateOf(name)).not.toEqual(templateOf('default'));
  });

  it('passes the review', () => {
    expect(review(templateOf(name).Resources)).toEqual([]);
  });
});

describe.each(regions)('every option together in %s', (region) => {
  it('passes the review', () => {
    expect(review(templateOf(region).Resources)).toEqual([]);
  });

  it('has the same template in every Region', () => {
    const elsewhere = (id: string) => JSON.stringify(templateOf(id)).replaceAll(id, 'REGION');

    expect(elsewhere(region)).toBe(elsewhere('us-east-1'));
  });
});
