import type { QoS } from '../protocol/packets';
import type { Permissions, PublishRequest } from '../protocol/permissions';
import { CompiledAcl, type Decision, type Denial, type Grant, startOf, unmentioned } from './compiled-acl';
import type { Action, Rule } from './rule';
import { fillTemplate, type Subject } from './topic-template';

/** Rules, and where they were found: `file`, `account alice`, `token`. */
export interface SourcedRules {
  readonly source: string;
  readonly rules: readonly Rule[];
}

export type Inquiry =
  | { readonly action: 'publish'; readonly topic: string; readonly qos: QoS; readonly retain: boolean }
  | { readonly action: 'subscribe'; readonly filter: string }
  | { readonly action: 'receive'; readonly topic: string };

/**
 * What rules let one client do. The rules that do not concern it are left out and the others filled in once, decisions on
 * topics are remembered, so a message costs a look into a map.
 *
 * Filters mean what they mean in MQTT: `#` has no topic that begins with `$`, and a rule for those says `$SYS/#`.
 */
export class RulePermissions implements Permissions {
  private readonly rules: readonly NamedRule[];
  private readonly subject: Subject;
  private readonly laws: Partial<Record<Duty, CompiledAcl>> = {};

  constructor(sources: readonly SourcedRules[], subject: Subject) {
    this.rules = sources.flatMap(named).filter(({ rule }) => concerns(rule, subject));
    this.subject = subject;
  }

  mayPublish(message: PublishRequest): boolean {
    return this.decidePublish(message).outcome === 'allowed';
  }

  subscribeQos(filter: string): QoS | undefined {
    return qosOf(this.law('subscribe').onFilter(filterOf(filter)));
  }

  mayReceive(topic: string): boolean {
    return this.law('receive').onTopic(topic).outcome === 'allowed';
  }

  /** The same answers, with the rule they come from: its name, or its source and position, where the first is 1. */
  decide(inquiry: Inquiry): Decision {
    switch (inquiry.action) {
      case 'publish':
        return this.decidePublish(inquiry);
      case 'subscribe':
        return this.law('subscribe').onFilter(filterOf(inquiry.filter));
      case 'receive':
        return this.law('receive').onTopic(inquiry.topic);
    }
  }

  private decidePublish({ topic, qos, retain }: PublishRequest): Decision {
    const decision = this.law(retain ? 'publishRetained' : 'publish').onTopic(topic);
    return decision.outcome === 'allowed' && decision.qos < qos ? unmentioned : decision;
  }

  /** Made when first asked for: who only listens needs no rules for publishing. */
  private law(duty: Duty): CompiledAcl {
    this.laws[duty] ??= lawOf(duty, this.rules, this.subject);
    return this.laws[duty];
  }
}

/** What there are separate rules for. */
type Duty = Action | 'publishRetained';

function qosOf(decision: Decision): QoS | undefined {
  return decision.outcome === 'allowed' ? decision.qos : undefined;
}

/** What a shared subscription hears is said by the filter inside. One that is malformed is left as it is: nothing allows it. */
function filterOf(name: string): string {
  return /^\$share\/[^/+#]+\/(.+)$/s.exec(name)?.[1] ?? name;
}

interface NamedRule {
  readonly rule: Rule;
  readonly name: string;
}

function named({ source, rules }: SourcedRules): NamedRule[] {
  return rules.map((rule, index) => ({ rule, name: rule.name ?? `${source} rule ${index + 1}` }));
}

/** Whether a rule is about a client at all. */
export function concerns({ who = {} }: Rule, { kind, username, clientId }: Subject): boolean {
  return isAmong(kind, who.kinds) && isAmong(username, who.usernames) && isAmong(clientId, who.clientIds);
}

function isAmong(value: string | undefined, wanted: readonly string[] | undefined): boolean {
  return wanted === undefined || (value !== undefined && wanted.includes(value));
}

function lawOf(duty: Duty, rules: readonly NamedRule[], subject: Subject): CompiledAcl {
  const grants = rules.filter(({ rule }) => rule.effect !== 'deny' && allows(rule, duty));
  const denials = rules.filter(({ rule }) => rule.effect === 'deny' && denies(rule, duty));
  return new CompiledAcl(
    grants.flatMap((each) => grantsOf(each, subject)),
    denials.flatMap((each) => denialsOf(each, subject)),
  );
}

function allows({ actions, retain }: Rule, duty: Duty): boolean {
  if (duty === 'publishRetained') return actions.includes('publish') && retain !== false;
  return actions.includes(duty) || (duty === 'receive' && actions.includes('subscribe'));
}

function denies({ actions }: Rule, duty: Duty): boolean {
  return actions.includes(duty === 'publishRetained' ? 'publish' : duty);
}

/** A topic with a gap grants nothing: what was meant is not known. */
function grantsOf({ rule, name }: NamedRule, subject: Subject): Grant[] {
  return rule.topics.flatMap((topic) => {
    const { filter, complete } = fillTemplate(topic, subject);
    return complete ? { rule: name, filter, start: startOf(filter), qos: rule.maxQos ?? 2 } : [];
  });
}

/** A topic with a gap denies everything that may have been meant. */
function denialsOf({ rule, name }: NamedRule, subject: Subject): Denial[] {
  return rule.topics.map((topic) => {
    const { filter, anyFirstLevel } = fillTemplate(topic, subject);
    return { rule: name, filter, start: startOf(filter), anyFirstLevel };
  });
}
