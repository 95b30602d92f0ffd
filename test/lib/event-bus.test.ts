import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type FunctionName, functions } from '../../lambdas/deployment';
import { constructId } from '../../lib/by-name';
import { grantsOf, resourcesOf, synthesize } from './synthesize';

const folder = mkdtempSync(join(tmpdir(), 'cirrus-events-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(events: unknown): string {
  const path = join(folder, 'events.json');
  writeFileSync(path, JSON.stringify(events));
  return path;
}

const names = Object.keys(functions) as FunctionName[];

function granted(events?: unknown): string[] {
  const template = synthesize(events === undefined ? {} : { eventsFile: write(events) });
  return names.flatMap((name) =>
    grantsOf(template, `${constructId(name)}Role`)
      .filter((grant) => grant.startsWith('events:'))
      .map((grant) => `${name} ${grant}`),
  );
}

describe('the stack', () => {
  it('allows exactly one function to put events', () => {
    expect(granted({ bus: 'garage', lifecycle: true })).toEqual([
      'onTimer events:PutEvents arn:AWS::Partition:events:AWS::Region:AWS::AccountId:event-bus/garage',
    ]);
  });

  it('accepts the ARN of a bus of another account', () => {
    const bus = 'arn:aws:events:eu-central-1:123456789012:event-bus/garage';

    expect(granted({ bus, lifecycle: true })).toEqual([`onTimer events:PutEvents ${bus}`]);
  });

  it('configures the functions that emit events, with an events file only', () => {
    const variables = (options: Record<string, unknown>) => {
      const lambdas = resourcesOf(synthesize(options), 'AWS::Lambda::Function');
      return names.filter((name) => lambdas[`${constructId(name)}Function`]?.Properties.Environment.Variables.EVENTS);
    };

    expect(variables({ eventsFile: write({ lifecycle: true }) })).toEqual(['onPackets', 'onTimer', 'onApi']); // with a bridge also onBridgeIn
    expect(variables({})).toEqual([]);
    expect(granted()).toEqual([]);
  });

  it('refuses a file that is invalid or too large for the environment of a function', () => {
    const large = Array.from({ length: 20 }, (_, index) => `${'buildings/'.repeat(15)}${index}/#`);

    expect(() => synthesize({ eventsFile: write({ lifecycle: 1 }) })).toThrow('events.json.lifecycle');
    expect(() => synthesize({ eventsFile: write({ messages: large }) })).toThrow(/\b2\d{3}$/);
    expect(() => synthesize({ eventsFile: join(folder, 'absent.json') })).toThrow('absent.json');
  });
});
