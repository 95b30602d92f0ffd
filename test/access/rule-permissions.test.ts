// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of rules are written so
import { describe, expect, test } from '@jest/globals';
import type { Rule } from '../../lambdas/access/rule';
import { RulePermissions } from '../../lambdas/access/rule-permissions';
import type { Subject } from '../../lambdas/access/topic-template';

const alice: Subject = { kind: 'user', username: 'alice', clientId: 'lamp-7' };

function allowed(rules: Rule[], subject: Subject = alice): RulePermissions {
  return new RulePermissions([{ source: 'file', rules }], subject);
}

describe('publish', () => {
  test('is denied when nothing is said', () => {
    expect(allowed([]).mayPublish({ topic: 'a', qos: 0, retain: false })).toBe(false);
  });

  test('is allowed by a rule with a filter that matches', () => {
    const permissions = allowed([{ actions: ['publish'], topics: ['devices/${clientId}/#', 'chat/+'] }]);

    expect(permissions.mayPublish({ topic: 'devices/lamp-7', qos: 2, retain: true })).toBe(true);
    expect(permissions.mayPublish({ topic: 'devices/lamp-7/state', qos: 2, retain: true })).toBe(true);
    expect(permissions.mayPublish({ topic: 'chat/kitchen', qos: 0, retain: false })).toBe(true);
    expect(permissions.mayPublish({ topic: 'devices/lamp-8/state', qos: 0, retain: false })).toBe(false);
    expect(permissions.mayPublish({ topic: 'chat', qos: 0, retain: false })).toBe(false);
    expect(permissions.mayPublish({ topic: 'chat/', qos: 0, retain: false })).toBe(true);
  });

  test('is denied by one rule, whatever others allow', () => {
    const permissions = allowed([
      { effect: 'deny', actions: ['publish'], topics: ['a/secret/#'] },
      { actions: ['publish'], topics: ['#'] },
      { actions: ['publish'], topics: ['a/secret/b'] },
    ]);

    expect(permissions.mayPublish({ topic: 'a/b', qos: 0, retain: false })).toBe(true);
    expect(permissions.mayPublish({ topic: 'a/secret', qos: 0, retain: false })).toBe(false);
    expect(permissions.mayPublish({ topic: 'a/secret/b', qos: 0, retain: false })).toBe(false);
  });

  test('is allowed up to the highest QoS of the rules that match', () => {
    const permissions = allowed([
      { actions: ['publish'], topics: ['#'], maxQos: 0 },
      { actions: ['publish'], topics: ['a'], maxQos: 1 },
    ]);

    expect(permissions.mayPublish({ topic: 'a', qos: 1, retain: false })).toBe(true);
    expect(permissions.mayPublish({ topic: 'a', qos: 2, retain: false })).toBe(false);
    expect(permissions.mayPublish({ topic: 'b', qos: 0, retain: false })).toBe(true);
    expect(permissions.mayPublish({ topic: 'b', qos: 1, retain: false })).toBe(false);
  });

  test('takes QoS and retain flag from the same rule', () => {
    const permissions = allowed([
      { actions: ['publish'], topics: ['a'], maxQos: 2, retain: false },
      { actions: ['publish'], topics: ['a'], maxQos: 0 },
    ]);

    expect(permissions.mayPublish({ topic: 'a', qos: 2, retain: false })).toBe(true);
    expect(permissions.mayPublish({ topic: 'a', qos: 0, retain: true })).toBe(true);
    expect(permissions.mayPublish({ topic: 'a', qos: 1, retain: true })).toBe(false);
  });

  test('is not allowed by other actions', () => {
    expect(
      allowed([{ actions: ['subscribe', 'receive'], topics: ['#'] }]).mayPublish({ topic: 'a', qos: 0, retain: false }),
    ).toBe(false);
  });
});

describe('subscribe', () => {
  test('is allowed when one rule covers all that is asked for', () => {
    const permissions = allowed([{ actions: ['subscribe'], topics: ['a/+/c', 'b/#'], maxQos: 1 }]);

    expect(permissions.subscribeQos('a/+/c')).toBe(1);
    expect(permissions.subscribeQos('a/b/c')).toBe(1);
    expect(permissions.subscribeQos('b')).toBe(1);
    expect(permissions.subscribeQos('b/+/c/#')).toBe(1);
    expect(permissions.subscribeQos('a/#')).toBeUndefined();
    expect(permissions.subscribeQos('#')).toBeUndefined();
  });

  test('is allowed at the highest QoS of the rules that cover it', () => {
    const permissions = allowed([
      { actions: ['subscribe'], topics: ['#'], maxQos: 0 },
      { actions: ['subscribe'], topics: ['a/#'], maxQos: 2 },
      { actions: ['subscribe'], topics: ['a/b'], maxQos: 1 },
    ]);

    expect(permissions.subscribeQos('a/b')).toBe(2);
    expect(permissions.subscribeQos('a/#')).toBe(2);
    expect(permissions.subscribeQos('+/b')).toBe(0);
  });

  test('is denied when a part of what is asked for is', () => {
    const permissions = allowed([
      { actions: ['subscribe'], topics: ['#'] },
      { effect: 'deny', actions: ['subscribe'], topics: ['a/secret/#'] },
    ]);

    expect(permissions.subscribeQos('#')).toBeUndefined();
    expect(permissions.subscribeQos('+/+/c')).toBeUndefined();
    expect(permissions.subscribeQos('a/+')).toBeUndefined();
    expect(permissions.subscribeQos('a/b/#')).toBe(2);
    expect(permissions.subscribeQos('+')).toBe(2);
  });

  test('is not allowed by receive', () => {
    expect(allowed([{ actions: ['receive'], topics: ['#'] }]).subscribeQos('a')).toBeUndefined();
  });

  test('to a share is judged by the filter inside', () => {
    const permissions = allowed([
      { actions: ['subscribe'], topics: ['jobs/#'] },
      { effect: 'deny', actions: ['subscribe'], topics: ['jobs/secret'] },
    ]);

    expect(permissions.subscribeQos('$share/workers/jobs/a')).toBe(2);
    expect(permissions.subscribeQos('$share/jobs/a')).toBeUndefined();
    expect(permissions.subscribeQos('$share/workers/jobs/+')).toBeUndefined();
    expect(permissions.subscribeQos('$share/workers/#')).toBeUndefined();
    expect(permissions.decide({ action: 'subscribe', filter: '$share/workers/jobs/secret' }).outcome).toBe('denied');
  });

  test.each([
    '$share',
    '$share/',
    '$share/a',
    '$share/a/',
    '$share//a',
    '$share/+/a',
    '$share/#',
    '$share/a/$share/b/c',
  ])('to %s is allowed by no rule', (filter) => {
    expect(allowed([{ actions: ['subscribe'], topics: ['#', '+', '+/#', '$SYS/#'] }]).subscribeQos(filter)).toBe(
      undefined,
    );
  });
});

describe('receive', () => {
  test('is allowed to who may subscribe, and to who may only receive', () => {
    const permissions = allowed([
      { actions: ['subscribe'], topics: ['a/#'], maxQos: 0 },
      { actions: ['receive'], topics: ['a/b', 'b'], maxQos: 1 },
    ]);

    expect(permissions.mayReceive('a/c')).toBe(true);
    expect(permissions.mayReceive('a/b')).toBe(true);
    expect(permissions.mayReceive('b')).toBe(true);
    expect(permissions.mayReceive('c')).toBe(false);
  });

  test('is denied by rules about receive, not by those about subscribe', () => {
    const permissions = allowed([
      { actions: ['subscribe'], topics: ['#'] },
      { effect: 'deny', actions: ['receive'], topics: ['a/secret'] },
      { effect: 'deny', actions: ['subscribe'], topics: ['b/#'] },
    ]);

    expect(permissions.mayReceive('a/secret')).toBe(false);
    expect(permissions.subscribeQos('a/secret')).toBe(2);
    expect(permissions.mayReceive('b/c')).toBe(true);
    expect(permissions.subscribeQos('b/c')).toBeUndefined();
  });
});

describe('topics that begin with $', () => {
  test('are not among those of #', () => {
    const permissions = allowed([{ actions: ['publish', 'subscribe'], topics: ['#', '+/#'] }]);

    expect(permissions.mayPublish({ topic: '$x/a', qos: 0, retain: false })).toBe(false);
    expect(permissions.subscribeQos('$SYS/#')).toBeUndefined();
    expect(permissions.mayReceive('$SYS/broker/uptime')).toBe(false);
  });

  test('are allowed by a rule that names the first level', () => {
    const permissions = allowed([{ actions: ['subscribe'], topics: ['$SYS/#'] }]);

    expect(permissions.subscribeQos('$SYS/broker/+')).toBe(2);
    expect(permissions.mayReceive('$SYS/broker/uptime')).toBe(true);
    expect(permissions.subscribeQos('#')).toBeUndefined();
  });

  test('do not stand in the way of #', () => {
    const permissions = allowed([
      { actions: ['subscribe'], topics: ['#'] },
      { effect: 'deny', actions: ['subscribe'], topics: ['$SYS/#'] },
    ]);

    expect(permissions.subscribeQos('#')).toBe(2);
  });
});

describe('who a rule concerns', () => {
  const toEverything = { actions: ['publish'], topics: ['#'] } as const;

  test.each<[Rule['who'], boolean]>([
    [undefined, true],
    [{ kinds: ['user'] }, true],
    [{ kinds: ['token', 'anonymous'] }, false],
    [{ usernames: ['bob', 'alice'] }, true],
    [{ usernames: ['Alice'] }, false],
    [{ clientIds: ['lamp-7'] }, true],
    [{ clientIds: ['lamp'] }, false],
    [{ kinds: ['user'], usernames: ['alice'], clientIds: ['lamp-8'] }, false],
  ])('%j is alice with lamp-7: %s', (who, expected) => {
    expect(allowed([{ ...toEverything, ...(who && { who }) }]).mayPublish({ topic: 'a', qos: 0, retain: false })).toBe(
      expected,
    );
  });

  test('is nobody without a name when names are given', () => {
    const anonymous: Subject = { kind: 'anonymous', clientId: 'lamp-7' };

    expect(
      allowed([{ ...toEverything, who: { usernames: ['alice'] } }], anonymous).mayPublish({
        topic: 'a',
        qos: 0,
        retain: false,
      }),
    ).toBe(false);
  });

  test('holds for rules that deny as well', () => {
    const rules: Rule[] = [toEverything, { ...toEverything, effect: 'deny', who: { kinds: ['anonymous'] } }];

    expect(allowed(rules).mayPublish({ topic: 'a', qos: 0, retain: false })).toBe(true);
    expect(
      allowed(rules, { kind: 'anonymous', clientId: 'lamp-7' }).mayPublish({ topic: 'a', qos: 0, retain: false }),
    ).toBe(false);
  });
});

describe('decide', () => {
  const permissions = new RulePermissions(
    [
      {
        source: 'file',
        rules: [
          { actions: ['publish'], topics: ['elsewhere'], who: { kinds: ['token'] } },
          { actions: ['publish', 'subscribe'], topics: ['a/#'], maxQos: 0 },
          { name: 'no secrets', effect: 'deny', actions: ['publish', 'receive'], topics: ['+/secret'] },
        ],
      },
      { source: 'account alice', rules: [{ actions: ['publish'], topics: ['a/b'], retain: false }] },
    ],
    alice,
  );
  const publish = { action: 'publish', topic: 'a/b', qos: 1, retain: false } as const;

  test('names the rule by its source and position, counted with the rules that concern others', () => {
    expect(permissions.decide({ action: 'subscribe', filter: 'a/+' })).toEqual({
      outcome: 'allowed',
      rule: 'file rule 2',
      qos: 0,
    });
  });

  test('names the rule that allows most', () => {
    expect(permissions.decide(publish)).toEqual({ outcome: 'allowed', rule: 'account alice rule 1', qos: 2 });
  });

  test('names the rule that denies', () => {
    const denied = { outcome: 'denied', rule: 'no secrets' };

    expect(permissions.decide({ ...publish, topic: 'a/secret' })).toEqual(denied);
    expect(permissions.decide({ action: 'receive', topic: 'a/secret' })).toEqual(denied);
  });

  test('says when no rule allows it', () => {
    const unmentioned = { outcome: 'unmentioned' };

    expect(permissions.decide({ ...publish, topic: 'b' })).toEqual(unmentioned);
    expect(permissions.decide({ ...publish, retain: true })).toEqual(unmentioned);
    expect(permissions.decide({ action: 'subscribe', filter: 'b' })).toEqual(unmentioned);
    expect(permissions.decide({ action: 'receive', topic: 'b' })).toEqual(unmentioned);
  });

  test('says the same however often and in whatever order it is asked', () => {
    const topics = Array.from({ length: 300 }, (_, index) => (index % 3 === 0 ? `a/${index}` : `b/${index}`));
    const long = `a/${'x'.repeat(1000)}`;

    for (let round = 0; round < 3; round++)
      for (const topic of [...topics, long]) expect(permissions.mayReceive(topic)).toBe(topic.startsWith('a/'));
  });
});

describe('a client that lies about itself', () => {
  const variables = ['${clientId}', '${username}', '${claim.t}'];
  const lies = ['', 'a/b', '/', '+', '#', 'victim/#', '../victim', '\0', '$SYS', '$share', '$share/g', '$'];
  const liar = (lie: string): Subject => ({ kind: 'token', clientId: lie, username: lie, claims: { t: lie } });
  const cases = variables.flatMap((variable) => lies.map((lie): [string, string] => [variable, lie]));

  test.each(cases)('with %s %j is allowed nothing by it', (variable, lie) => {
    const permissions = allowed([{ actions: ['publish', 'subscribe'], topics: [`${variable}/#`] }], liar(lie));
    const wanted = [lie, `${lie}/a`, 'victim', 'victim/a', '$SYS/a', '$share/g/a', 'a/b', 'a/b/c', '/', '/a'];

    for (const topic of wanted) {
      expect(permissions.mayPublish({ topic, qos: 0, retain: false })).toBe(false);
      expect(permissions.mayReceive(topic)).toBe(false);
    }
    for (const filter of [...wanted, '#', '+', '+/#', '$SYS/#', '$share/g/#', '$share/g/$SYS/#'])
      expect(permissions.subscribeQos(filter)).toBeUndefined();
  });

  test.each(cases)('with %s %j does not escape what denies', (variable, lie) => {
    const everything = ['#', '$SYS/#', '$x/#'];
    const permissions = allowed(
      [
        { actions: ['publish', 'subscribe'], topics: everything },
        { effect: 'deny', actions: ['publish', 'subscribe', 'receive'], topics: [`${variable}/private`] },
      ],
      liar(lie),
    );

    for (const topic of ['victim/private', '/private', '$SYS/private', '$x/private']) {
      expect(permissions.mayPublish({ topic, qos: 0, retain: false })).toBe(false);
      expect(permissions.mayReceive(topic)).toBe(false);
      expect(permissions.subscribeQos(topic)).toBeUndefined();
    }
    for (const filter of ['#', '+/+', '$SYS/#', '$x/+', '$share/g/$SYS/+'])
      expect(permissions.subscribeQos(filter)).toBeUndefined();
    expect(permissions.mayPublish({ topic: 'victim/public', qos: 0, retain: false })).toBe(true);
    expect(permissions.subscribeQos('$SYS/public')).toBe(2);
  });

  test('about one of two variables is denied the whole level', () => {
    const rules: Rule[] = [
      { actions: ['publish'], topics: ['#'] },
      { effect: 'deny', actions: ['publish'], topics: ['of/${username}-${clientId}/x'] },
    ];
    const permissions = allowed(rules, { kind: 'user', username: '#', clientId: 'c' });

    expect(permissions.mayPublish({ topic: 'of/anything/x', qos: 0, retain: false })).toBe(false);
    expect(permissions.mayPublish({ topic: 'of/anything/y', qos: 0, retain: false })).toBe(true);
  });
});
