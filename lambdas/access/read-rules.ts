import { allowedTextRule, isAllowedText } from '../protocol/disallowed-characters';
import type { QoS } from '../protocol/packets';
import { isShared, isTopicFilter } from '../protocol/topic-filter';
import { readChoice, readFlag, readList, readObject, readText, refuse } from './checked-json';
import type { Action, IdentityKind, Rule } from './rule';
import { templateParts } from './topic-template';

const maxRules = 1000;
const maxTopics = 100;
const maxSubjects = 1000;

const actions: readonly Action[] = ['publish', 'subscribe', 'receive'];
const kinds: readonly IdentityKind[] = ['anonymous', 'user', 'token'];
const keysOfRule = ['name', 'effect', 'actions', 'topics', 'maxQos', 'retain', 'who'];
const keysOfWho = ['kinds', 'usernames', 'clientIds'];

/**
 * Rules from parsed JSON. Where a rule may say `"all"`, what comes back has the three actions, so it can be written down and read
 * again. `where` is what errors call the list.
 */
export function readRules(value: unknown, where = 'rules'): Rule[] {
  return readList(value, where, { min: 0, max: maxRules, of: 'rules' }, readRule);
}

function readRule(value: unknown, where: string): Rule {
  const { name, effect, maxQos, retain, who, ...rest } = readObject(value, where, keysOfRule);
  const rule = {
    ...(name !== undefined && { name: readName(name, `${where}.name`) }),
    ...(effect !== undefined && { effect: readChoice(effect, `${where}.effect`, ['allow', 'deny'] as const) }),
    actions: readActions(rest.actions, `${where}.actions`),
    topics: readList(rest.topics, `${where}.topics`, { min: 1, max: maxTopics, of: 'topic filters' }, readTopic),
    ...(maxQos !== undefined && { maxQos: readQos(maxQos, `${where}.maxQos`) }),
    ...(retain !== undefined && { retain: readFlag(retain, `${where}.retain`) }),
    ...(who !== undefined && { who: readWho(who, `${where}.who`) }),
  };
  refuseContradiction(rule, where);
  return rule;
}

/** What is written but would have no effect was meant otherwise. */
function refuseContradiction({ effect, actions, maxQos, retain }: Rule, where: string): void {
  if (effect === 'deny' && maxQos !== undefined) refuse(maxQos, `${where}.maxQos`, 'absent from a rule that denies');
  if (effect === 'deny' && retain !== undefined) refuse(retain, `${where}.retain`, 'absent from a rule that denies');
  if (retain !== undefined && !actions.includes('publish'))
    refuse(retain, `${where}.retain`, 'absent from a rule without the action publish');
}

function readActions(value: unknown, where: string): Action[] {
  const words = readList(value, where, { min: 1, max: 4, of: 'actions' }, (word, at) =>
    readChoice(word, at, [...actions, 'all'] as const),
  );
  return actions.filter((action) => words.includes('all') || words.includes(action));
}

function readTopic(value: unknown, where: string): string {
  if (typeof value !== 'string') return refuse(value, where, 'a topic filter');
  const filter = templateParts(value)
    .map((part, index) => (index % 2 === 0 ? part : 'v'))
    .join('');
  if (filter.includes('${')) refuse(value, where, 'without variables other than clientId, username and claim.NAME');
  if (!isTopicFilter(filter)) refuse(value, where, 'a topic filter');
  if (!isAllowedText(value)) refuse(value, where, `a topic filter ${allowedTextRule}`);
  if (isShared(filter)) refuse(value, where, 'the filter inside, which is what shared subscriptions are judged by');
  if (/^\$(?!\{)[^/]*\$\{/.test(value)) refuse(value, where, 'without variables in a first level that begins with $');
  return value;
}

function readQos(value: unknown, where: string): QoS {
  return value === 0 || value === 1 || value === 2 ? value : refuse(value, where, '0, 1 or 2');
}

/** It is printed on one line of the audit log. */
function readName(value: unknown, where: string): string {
  const isName = typeof value === 'string' && /^.{1,100}$/su.test(value) && isAllowedText(value);
  return isName ? value : refuse(value, where, `a text of 1 to 100 characters, ${allowedTextRule}`);
}

function readWho(value: unknown, where: string): Rule['who'] {
  const { kinds: wanted, usernames, clientIds } = readObject(value, where, keysOfWho);
  const size = { min: 1, max: maxSubjects };
  const readKind = (kind: unknown, at: string) => readChoice(kind, at, kinds);
  if ((wanted ?? usernames ?? clientIds) === undefined) refuse(value, where, `an object with ${keysOfWho.join(', ')}`);
  return {
    ...(wanted !== undefined && { kinds: readList(wanted, `${where}.kinds`, { ...size, of: 'kinds' }, readKind) }),
    ...(usernames !== undefined && {
      usernames: readList(usernames, `${where}.usernames`, { ...size, of: 'user names' }, readText),
    }),
    ...(clientIds !== undefined && {
      clientIds: readList(clientIds, `${where}.clientIds`, { ...size, of: 'client ids' }, readText),
    }),
  };
}
