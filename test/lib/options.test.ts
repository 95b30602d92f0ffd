import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { settingRules } from '../../lambdas/settings';
import { optionRules, readOptions } from '../../lib/options';

describe('options of the stack', () => {
  it('have defaults, so an empty cdk.json deploys', () => {
    const options = readOptions(undefined);

    expect(options).toMatchObject({ brokerName: 'cirrus-mqtt', stageName: 'mqtt', removalPolicy: 'retain' });
  });

  it('override defaults one by one', () => {
    const options = readOptions({ brokerName: 'garage', throttleRate: 7 });

    expect(options).toEqual({ ...readOptions({}), brokerName: 'garage', throttleRate: 7 });
  });

  it('are parsed from JSON of the command line', () => {
    expect(readOptions('{"stageName":"test"}').stageName).toBe('test');
  });

  it('include every setting of the functions', () => {
    const defaults = Object.entries(settingRules).map(([name, rule]) => [name, rule.default]);

    expect(readOptions({})).toMatchObject(Object.fromEntries(defaults));
  });

  it.each([
    ['brokerName', '1st'],
    ['stageName', 'a/b'],
    ['throttleRate', 0],
    ['throttleBurst', 1.5],
    ['connectRate', 0],
    ['connectBurst', 0],
    ['connectConcurrency', -1],
    ['maxConcurrency', 1],
    ['onPacketsMemoryMb', 127],
    ['onFanOutMemoryMb', 10_241],
    ['console', 'on'],
    ['logRetentionDays', 2],
    ['removalPolicy', 'snapshot'],
    ['accountLogRole', true],
    ['queueLimit', '1024'],
    ['refusedFilters', ['a', '']],
    ['maxShapes', null],
  ] as const)('refuse a wrong %s, and name the allowed values', (name, value) => {
    const message = thrownBy(() => readOptions({ [name]: value }));

    expect(message.startsWith(`${name} is ${JSON.stringify(value)}`)).toBe(true);
    expect(message.endsWith(optionRules[name].allowed)).toBe(true);
  });

  it('refuse an unknown name, and list the existing ones', () => {
    expect(() => readOptions({ stagename: 'x' })).toThrow(/"stagename".* brokerName, stageName,/);
    expect(() => readOptions({ toString: 1 })).toThrow('"toString"');
  });

  it.each([[7], [[]], ['garage'], ['[]']])('refuse %j in place of an object', (context) => {
    expect(() => readOptions(context)).toThrow(`broker is ${JSON.stringify(context)}`);
  });
});

describe('docs/options.md', () => {
  it('lists the options with the defaults and limits of the code', () => {
    const inCode = Object.entries(optionRules).map(([name, rule]) => [
      name,
      typeof rule.default === 'string' ? rule.default : JSON.stringify(rule.default),
      rule.allowed,
    ]);

    expect(documentedOptions()).toEqual(inCode);
  });
});

function documentedOptions(): string[][] {
  const lines = readFileSync(join(__dirname, '../../docs/options.md'), 'utf8').split('\n');
  const rows = lines.filter((line) => line.startsWith('| `'));
  return rows.map((row) => {
    const [, name, standard, allowed] = row.split('|').map((cell) => cell.trim());
    return [name!.replaceAll('`', ''), standard!.replaceAll('`', ''), allowed!];
  });
}

function thrownBy(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it has not thrown');
}

describe.each(Object.entries(optionRules))('the declaration of the option %s', (name, rule) => {
  it('states its default and its range', () => {
    const comment = declaredComment(name);

    expect(comment).toContain(`@default ${typeof rule.default === 'string' ? `'${rule.default}'` : rule.default}`);
    const [, min, max] = /from (\d+) to (\d+)$/.exec(rule.allowed) ?? [];
    if (min !== undefined) expect(comment.replaceAll(',', '')).toMatch(new RegExp(`\\b${min} to ${max}\\b`));
  });
});

/** Returns the doc comment of an option or setting. */
function declaredComment(name: string): string {
  const sources = ['lib/options.ts', 'lambdas/settings.ts'].map((path) =>
    readFileSync(join(__dirname, '../..', path), 'utf8'),
  );
  const [, comment = ''] =
    new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*readonly ${name}: `).exec(sources.join('')) ?? [];
  return comment;
}
