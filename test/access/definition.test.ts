// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of rules are written so
import { describe, expect, test } from '@jest/globals';
import type { Rule } from '../../lambdas/access/rule';
import { RulePermissions } from '../../lambdas/access/rule-permissions';
import type { Subject } from '../../lambdas/access/topic-template';
import type { QoS } from '../../lambdas/protocol/packets';
import { Random } from '../support/random';
import { contains, everyFilter, everyTopic, filterWords, intersects, patternOf, topicsOf } from './every-topic';

/*
 * What rules mean, by definition: every topic and filter of a small world is asked about under random rules, and the answers are
 * those of sets of topics.
 */

const variables = ['${clientId}', '${username}', '${claim.t}'];
const values = ['a', 'b', 'b', '$x', '$SYS', '', 'a/b', '+', '#', '\0'];
const actions = ['publish', 'subscribe', 'receive'] as const;

const asked = everyFilter.map((filter) => ({ filter, topics: topicsOf(patternOf(filter)) }));

/** A topic of a rule, as the topics of the world that belong to it. */
interface Area {
  readonly topics: Uint32Array;
  readonly known: boolean;
}

function areaOf(template: string, { clientId, username, claims }: Subject): Area {
  let known = true;
  let alsoDollar = false;
  const levels = template.split('/').map((level, index) => {
    const said: Record<string, string | undefined> = {
      '${clientId}': clientId,
      '${username}': username,
      '${claim.t}': claims?.t,
    };
    if (!(level in said)) return level;
    const value = said[level];
    if (value && !/[/+#\0]/.test(value) && !(index === 0 && value.startsWith('$'))) return value;
    known = false;
    if (index === 0) alsoDollar = true;
    return '+';
  });
  return { topics: topicsOf(patternOf(levels.join('/'), alsoDollar)), known };
}

/** The definition. */
class Sets {
  private readonly rules: { rule: Rule; areas: Area[] }[];

  constructor(rules: readonly Rule[], subject: Subject) {
    this.rules = rules
      .filter(({ who }) => !who?.kinds || who.kinds.includes(subject.kind))
      .filter(({ who }) => !who?.usernames || who.usernames.some((name) => name === subject.username))
      .filter(({ who }) => !who?.clientIds || who.clientIds.includes(subject.clientId))
      .map((rule) => ({ rule, areas: rule.topics.map((topic) => areaOf(topic, subject)) }));
  }

  mayPublish(topic: number, qos: QoS, retain: boolean): boolean {
    const able = (rule: Rule) =>
      rule.actions.includes('publish') && (rule.maxQos ?? 2) >= qos && (!retain || rule.retain !== false);
    return this.best(able, has(topic)) !== undefined && !this.isDenied('publish', has(topic));
  }

  mayReceive(topic: number): boolean {
    const able = ({ actions }: Rule) => actions.includes('receive') || actions.includes('subscribe');
    return this.best(able, has(topic)) !== undefined && !this.isDenied('receive', has(topic));
  }

  subscribeQos(filter: Uint32Array): QoS | undefined {
    if (this.isDenied('subscribe', ({ topics }) => intersects(topics, filter))) return undefined;
    return this.best(
      ({ actions }) => actions.includes('subscribe'),
      ({ topics }) => contains(topics, filter),
    );
  }

  private best(able: (rule: Rule) => boolean, fits: (area: Area) => boolean): QoS | undefined {
    const allowing = this.rules.filter(
      ({ rule, areas }) => rule.effect !== 'deny' && able(rule) && areas.some((area) => area.known && fits(area)),
    );
    return allowing.length === 0 ? undefined : (Math.max(...allowing.map(({ rule }) => rule.maxQos ?? 2)) as QoS);
  }

  private isDenied(action: (typeof actions)[number], fits: (area: Area) => boolean): boolean {
    return this.rules.some(
      ({ rule, areas }) => rule.effect === 'deny' && rule.actions.includes(action) && areas.some(fits),
    );
  }
}

function has(topic: number): (area: Area) => boolean {
  return ({ topics }) => (topics[topic >> 5]! & (1 << (topic & 31))) !== 0;
}

function randomSubject(random: Random): Subject {
  return {
    kind: random.pick(['anonymous', 'user', 'token']),
    clientId: random.pick(values),
    ...(random.below(4) > 0 && { username: random.pick(values) }),
    ...(random.below(4) > 0 && { claims: random.below(4) > 0 ? { t: random.pick(values) } : {} }),
  };
}

function randomRule(random: Random): Rule {
  const denies = random.below(4) === 0;
  return {
    actions: actions.filter(() => random.below(2) === 0),
    topics: Array.from({ length: 1 + random.below(3) }, () => randomTemplate(random, denies)),
    ...(denies && { effect: 'deny' }),
    ...(!denies && random.below(2) === 0 && { maxQos: random.below(3) as QoS }),
    ...(!denies && random.below(2) === 0 && { retain: random.below(2) === 0 }),
    ...(random.below(4) === 0 && { who: randomWho(random) }),
  };
}

/** Rules that allow are wide and those that deny are narrow, so that both have something to say. */
function randomTemplate(random: Random, narrow: boolean): string {
  if (!narrow && random.below(4) === 0) return random.pick(['#', '$SYS/#', '$x/#']);
  const length = 1 + random.below(3);
  const levels = Array.from({ length }, () => random.pick(random.below(3) === 0 ? variables : [...filterWords, '+']));
  if (random.below(narrow ? 6 : 2) === 0) levels[length - 1] = '#';
  return levels.join('/') || '/';
}

function randomWho(random: Random): Rule['who'] {
  return random.pick<Rule['who']>([
    { kinds: ['user', 'token'] },
    { usernames: ['a', 'b'] },
    { clientIds: ['a', 'b', '+'] },
    { kinds: ['user'], clientIds: ['b'] },
  ]);
}

describe('what rules mean, by definition', () => {
  const random = new Random(31);
  const worlds = Array.from({ length: 150 }, () => {
    const subject = randomSubject(random);
    const rules = Array.from({ length: 1 + random.below(6) }, () => randomRule(random));
    const permissions = new RulePermissions([{ source: 'file', rules }], subject);
    return { text: JSON.stringify({ subject, rules }), permissions, sets: new Sets(rules, subject) };
  });

  test('publish: a rule allows the topic at this QoS and retain flag, and none denies it', () => {
    const seen = { true: 0, false: 0 };
    for (const { text, permissions, sets } of worlds) {
      for (const [index, topic] of everyTopic.entries()) {
        const qos = random.below(3) as QoS;
        const retain = random.below(2) === 0;
        const answer = permissions.mayPublish({ topic, qos, retain });
        if (answer !== sets.mayPublish(index, qos, retain)) throw new Error(`${topic} ${qos} ${retain}: ${text}`);
        seen[`${answer}`]++;
      }
    }

    expect(Math.min(...Object.values(seen))).toBeGreaterThan(10_000);
  });

  test('receive: a rule allows the topic, and none denies it', () => {
    const seen = { true: 0, false: 0 };
    for (const { text, permissions, sets } of worlds) {
      for (const [index, topic] of everyTopic.entries()) {
        const answer = permissions.mayReceive(topic);
        if (answer !== sets.mayReceive(index)) throw new Error(`${topic} ${answer}: ${text}`);
        seen[`${answer}`]++;
      }
    }

    expect(Math.min(...Object.values(seen))).toBeGreaterThan(5_000);
  });

  test('subscribe: the highest QoS of the rules that allow all topics, when none denies any', () => {
    const seen = { 0: 0, 1: 0, 2: 0, undefined: 0 };
    for (const { text, permissions, sets } of worlds) {
      for (const { filter, topics } of asked) {
        const answer = permissions.subscribeQos(filter);
        const shared = permissions.subscribeQos(`$share/group/${filter}`);
        if (answer !== sets.subscribeQos(topics) || answer !== shared) throw new Error(`${filter} ${answer}: ${text}`);
        seen[`${answer}`]++;
      }
    }

    expect(Math.min(...Object.values(seen))).toBeGreaterThan(500);
  });
});
