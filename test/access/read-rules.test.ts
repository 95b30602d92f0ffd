// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of rules are written so
import { describe, expect, test } from '@jest/globals';
import { InvalidAccessError } from '../../lambdas/access/invalid-access-error';
import { readRules } from '../../lambdas/access/read-rules';
import { thrownBy } from '../support/thrown-by';

const rule = { actions: ['publish'], topics: ['a'] };

function problem(...rules: unknown[]): string {
  const error = thrownBy(() => readRules(rules));
  expect(error).toBeInstanceOf(InvalidAccessError);
  return (error as Error).message;
}

describe('readRules', () => {
  test('accepts a rule with every key', () => {
    const full = {
      name: 'own topics',
      effect: 'allow',
      actions: ['publish', 'receive'],
      topics: ['devices/${clientId}/#', '${username}/+', 'tenants/${claim.custom:tenant}', '$SYS/clients/${clientId}'],
      maxQos: 1,
      retain: false,
      who: { kinds: ['user', 'token'], usernames: ['alice'], clientIds: ['lamp-7'] },
    };

    expect(readRules([full])).toEqual([full]);
  });

  test('accepts a rule that denies', () => {
    const denial = { effect: 'deny', actions: ['subscribe'], topics: ['#'] };

    expect(readRules([denial])).toEqual([denial]);
  });

  test('accepts an empty list', () => {
    expect(readRules([])).toEqual([]);
  });

  test('replaces "all" by the three actions, and reads the result again', () => {
    const rules = readRules([{ actions: ['all'], topics: ['a'] }]);

    expect(rules).toEqual([{ actions: ['publish', 'subscribe', 'receive'], topics: ['a'] }]);
    expect(readRules(rules)).toEqual(rules);
  });

  test('keeps each action once', () => {
    expect(readRules([{ actions: ['receive', 'publish', 'receive'], topics: ['a'] }])[0]?.actions).toEqual([
      'publish',
      'receive',
    ]);
  });

  test('accepts 1,000 rules with 100 topics each, and no more', () => {
    const topics = Array.from({ length: 100 }, (_, index) => `a/${index}`);

    expect(readRules(Array(1000).fill({ ...rule, topics }))).toHaveLength(1000);
    expect(() => readRules(Array(1001).fill(rule))).toThrow('must be a list of 0 to 1000 rules');
    expect(problem({ ...rule, topics: [...topics, 'a'] })).toMatch(/must be a list of 1 to 100 topic filters$/);
  });
});

describe('a mistake is described', () => {
  test('with its place, its value and what is allowed', () => {
    expect(problem(rule, rule, rule, { ...rule, topics: ['a/#/b'] })).toBe(
      'rules[3].topics[0] is "a/#/b", but must be a topic filter',
    );
  });

  test('with the name of the list', () => {
    expect(() => readRules([null], 'rules of alice')).toThrow('rules of alice[0] is null, but must be an object');
    expect(() => readRules('all')).toThrow('rules is "all", but must be a list of 0 to 1000 rules');
  });

  test('with a long value cut short', () => {
    expect(problem({ ...rule, topics: [`${'a'.repeat(70_000)}`] })).toBe(
      `rules[0].topics[0] is "${'a'.repeat(99)}..., but must be a topic filter`,
    );
  });

  test.each<[unknown, string]>([
    [[], 'rules[0] is [], but must be an object with name, effect, actions, topics, maxQos, retain, who'],
    [{ ...rule, topic: 'a' }, 'a key of rules[0] is "topic", but must be one of name, effect, actions,'],
    [JSON.parse('{"__proto__":{}}'), 'a key of rules[0] is "__proto__", but must be one of'],
    [{ ...rule, name: '' }, 'rules[0].name is "", but must be a text of 1 to 100 characters'],
    [{ ...rule, name: 'a\nb' }, 'rules[0].name is "a\\nb", but must be a text of 1 to 100 characters'],
    [{ ...rule, effect: 'Deny' }, 'rules[0].effect is "Deny", but must be one of allow, deny'],
    [{ topics: ['a'] }, 'rules[0].actions is absent, but must be a list of 1 to 4 actions'],
    [{ ...rule, actions: [] }, 'rules[0].actions is [], but must be a list of 1 to 4 actions'],
    [{ ...rule, actions: 'all' }, 'rules[0].actions is "all", but must be a list of 1 to 4 actions'],
    [
      { ...rule, actions: ['publish', 'read'] },
      'rules[0].actions[1] is "read", but must be one of publish, subscribe, receive, all',
    ],
    [{ actions: ['all'] }, 'rules[0].topics is absent, but must be a list of 1 to 100 topic filters'],
    [{ ...rule, topics: [] }, 'rules[0].topics is [], but must be a list of 1 to 100 topic filters'],
    [{ ...rule, maxQos: 3 }, 'rules[0].maxQos is 3, but must be 0, 1 or 2'],
    [{ ...rule, maxQos: '1' }, 'rules[0].maxQos is "1", but must be 0, 1 or 2'],
    [{ ...rule, effect: 'deny', maxQos: 0 }, 'rules[0].maxQos is 0, but must be absent from a rule that denies'],
    [{ ...rule, retain: 'no' }, 'rules[0].retain is "no", but must be true or false'],
    [{ ...rule, effect: 'deny', retain: true }, 'rules[0].retain is true, but must be absent from a rule that denies'],
    [
      { ...rule, actions: ['subscribe', 'receive'], retain: false },
      'rules[0].retain is false, but must be absent from a rule without the action publish',
    ],
    [{ ...rule, who: 'alice' }, 'rules[0].who is "alice", but must be an object with kinds, usernames, clientIds'],
    [{ ...rule, who: {} }, 'rules[0].who is {}, but must be an object with kinds, usernames, clientIds'],
    [{ ...rule, who: { username: 'a' } }, 'a key of rules[0].who is "username", but must be one of kinds, usernames'],
    [{ ...rule, who: { kinds: [] } }, 'rules[0].who.kinds is [], but must be a list of 1 to 1000 kinds'],
    [{ ...rule, who: { kinds: ['admin'] } }, 'rules[0].who.kinds[0] is "admin", but must be one of anonymous, user'],
    [{ ...rule, who: { usernames: [''] } }, 'rules[0].who.usernames[0] is "", but must be a text that is not empty'],
    [{ ...rule, who: { clientIds: [7] } }, 'rules[0].who.clientIds[0] is 7, but must be a text that is not empty'],
  ])('%j', (wrong, message) => {
    expect(problem(wrong)).toContain(message);
  });

  test.each<[unknown, string]>([
    ['', 'a topic filter'],
    [7, 'a topic filter'],
    ['a/b#', 'a topic filter'],
    ['a/+b', 'a topic filter'],
    ['a/${clientId}+', 'a topic filter'],
    ['a\0', 'a topic filter'],
    ['a\uffff', 'a topic filter without control characters and noncharacters'],
    ['a\u0001/${clientId}', 'a topic filter without control characters and noncharacters'],
    ['a/${clientID}', 'without variables other than clientId, username and claim.NAME'],
    ['a/${client', 'without variables other than clientId, username and claim.NAME'],
    ['a/${}', 'without variables other than clientId, username and claim.NAME'],
    ['a/${claim.}', 'without variables other than clientId, username and claim.NAME'],
    ['a/${ username }', 'without variables other than clientId, username and claim.NAME'],
    ['a/${${username}}', 'without variables other than clientId, username and claim.NAME'],
    ['$share/group/a', 'the filter without $share and ShareName, which rules do not consider'],
    ['$${clientId}/a', 'without variables in a first level that begins with $'],
    ['$aws-${claim.a}/a', 'without variables in a first level that begins with $'],
  ])('topic %j', (topic, allowed) => {
    expect(problem({ ...rule, topics: ['a', topic] })).toBe(
      `rules[0].topics[1] is ${JSON.stringify(topic)}, but must be ${allowed}`,
    );
  });
});
