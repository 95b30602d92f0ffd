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

  it('take what is given and leave the rest at its default', () => {
    const options = readOptions({ brokerName: 'garage', throttleRate: 7 });

    expect(options).toEqual({ ...readOptions({}), brokerName: 'garage', throttleRate: 7 });
  });

  it('may come from the command line as JSON', () => {
    expect(readOptions('{"stageName":"test"}').stageName).toBe('test');
  });

  it('cover every setting of the Lambdas', () => {
    const defaults = Object.entries(settingRules).map(([name, rule]) => [name, rule.default]);

    expect(readOptions({})).toMatchObject(Object.fromEntries(defaults));
  });

  it.each([
    ['brokerName', '1st', 'brokerName is "1st", but must be 1 to 40 letters, digits and hyphens, a letter first'],
    ['stageName', 'a/b', 'stageName is "a/b", but must be 1 to 64 letters, digits, hyphens and underscores'],
    ['throttleRate', 0, 'throttleRate is 0, but must be a whole number from 1 to 100000'],
    ['throttleBurst', 1.5, 'throttleBurst is 1.5, but must be a whole number from 1 to 50000'],
    ['connectRate', 0, 'connectRate is 0, but must be a whole number from 1 to 100000'],
    ['connectBurst', 0, 'connectBurst is 0, but must be a whole number from 1 to 50000'],
    ['connectConcurrency', -1, 'connectConcurrency is -1, but must be a whole number from 0 to 10000'],
    ['maxConcurrency', 1, 'maxConcurrency is 1, but must be a whole number from 2 to 1000'],
    ['onPacketsMemoryMb', 127, 'onPacketsMemoryMb is 127, but must be a whole number from 128 to 10240'],
    ['onFanOutMemoryMb', 10_241, 'onFanOutMemoryMb is 10241, but must be a whole number from 128 to 10240'],
    ['console', 'on', 'console is "on", but must be one of false, true'],
    ['logRetentionDays', 2, 'logRetentionDays is 2, but must be one of 1, 3, 5, 7,'],
    ['removalPolicy', 'snapshot', 'removalPolicy is "snapshot", but must be one of retain, destroy'],
    ['accountLogRole', true, 'accountLogRole is true, but must be one of create, keep'],
    ['queueLimit', '1024', 'queueLimit is "1024", but must be a whole number from 1 to 16384'],
    [
      'refusedFilters',
      ['a', ''],
      'refusedFilters is ["a",""], but must be a list of at most 100 topic filters, none of them empty, without control characters and noncharacters',
    ],
    ['maxShapes', null, 'maxShapes is null, but must be a whole number from 1 to 1024'],
  ])('refuse a wrong %s, and say what is allowed', (name, value, message) => {
    expect(() => readOptions({ [name]: value })).toThrow(message);
  });

  it('refuse an unknown name, and say which there are', () => {
    expect(() => readOptions({ stagename: 'x' })).toThrow(
      /^broker has no option "stagename", only brokerName, stageName,/,
    );
    expect(() => readOptions({ toString: 1 })).toThrow('broker has no option "toString"');
  });

  it.each([[7], [[]], ['garage'], ['[]']])('refuse %j in place of an object', (context) => {
    expect(() => readOptions(context)).toThrow(`broker is ${JSON.stringify(context)}, but must be a JSON object`);
  });
});

describe('docs/options.md', () => {
  it('lists the options with their defaults and limits as the code has them', () => {
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
