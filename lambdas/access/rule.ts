import { allowedTextRule, isAllowedText } from '../protocol/disallowed-characters';
import { isShared, isTopicFilter } from '../protocol/topic-filter';
import { checked, choice, flag, list, object, optional, type Place, type Read, string } from '../shared/read-json';
import { nonEmptyText } from './non-empty-text';
import { templateParts } from './topic-template';

const actions = ['publish', 'subscribe', 'receive'] as const;
const actionWords = list(choice([...actions, 'all']), { min: 1, max: 4, of: 'actions' });

/** Reads actions; `all` stands for the three actions, which the result lists instead. */
function readActions(value: unknown, place: Place) {
  const words = actionWords(value, place);
  return actions.filter((action) => words.includes('all') || words.includes(action));
}

const topicTemplate = checked(string('a topic filter'), checkTemplate);

function checkTemplate(template: string, place: Place): void {
  const filter = templateParts(template)
    .map((part, index) => (index % 2 === 0 ? part : 'v'))
    .join('');
  if (filter.includes('${')) place.refuse(template, 'without variables other than clientId, username and claim.NAME');
  if (!isTopicFilter(filter)) place.refuse(template, 'a topic filter');
  if (!isAllowedText(template)) place.refuse(template, `a topic filter ${allowedTextRule}`);
  if (isShared(filter)) place.refuse(template, 'the filter without $share and ShareName, which rules do not consider');
  if (/^\$(?!\{)[^/]*\$\{/.test(template))
    place.refuse(template, 'without variables in a first level that begins with $');
}

/** The audit log prints it on one line. */
const ruleName = string(
  `a text of 1 to 100 characters, ${allowedTextRule}`,
  (name) => /^.{1,100}$/su.test(name) && isAllowedText(name),
);

const maxSubjects = 1000;

const who = checked(
  object({
    kinds: optional(list(choice(['anonymous', 'user', 'token']), { min: 1, max: maxSubjects, of: 'kinds' })),
    usernames: optional(list(nonEmptyText, { min: 1, max: maxSubjects, of: 'user names' })),
    clientIds: optional(list(nonEmptyText, { min: 1, max: maxSubjects, of: 'client ids' })),
  }),
  (subjects, place) =>
    Object.keys(subjects).length > 0 || place.refuse(subjects, 'an object with kinds, usernames, clientIds'),
);

const ruleObject = object({
  /** Name of the rule in `explain` and the audit log; by default its source and position. */
  name: optional(ruleName),
  /** `allow` by default. */
  effect: optional(choice(['allow', 'deny'])),
  /** `subscribe` includes `receive`. */
  actions: readActions,
  /** Topic filters, in which `${clientId}`, `${username}` and `${claim.NAME}` stand for values of the client. */
  topics: list(topicTemplate, { min: 1, max: 100, of: 'topic filters' }),
  /** Maximum QoS. A rule that denies has none, because it denies at every QoS. */
  maxQos: optional(choice([0, 1, 2], '0, 1 or 2')),
  /** False denies publishing with the RETAIN flag; true by default. */
  retain: optional(flag),
  /** Clients that the rule applies to; by default all. A client has to meet every condition. */
  who: optional(who),
});

/** A rule about what clients may do. What no rule allows is denied, and a rule that denies overrides all that allow. */
export interface Rule extends Read<typeof ruleObject> {}

export type Action = (typeof actions)[number];
export type IdentityKind = NonNullable<NonNullable<Rule['who']>['kinds']>[number];

/** Refuses keys without effect: their author meant something else. */
function checkContradictions({ effect, actions, maxQos, retain }: Rule, place: Place): void {
  if (effect === 'deny' && maxQos !== undefined) place.below('maxQos').refuse(maxQos, 'absent from a rule that denies');
  if (effect === 'deny' && retain !== undefined) place.below('retain').refuse(retain, 'absent from a rule that denies');
  if (retain !== undefined && !actions.includes('publish'))
    place.below('retain').refuse(retain, 'absent from a rule without the action publish');
}

export const ruleList = list(checked(ruleObject, checkContradictions), { min: 0, max: 1000, of: 'rules' });
