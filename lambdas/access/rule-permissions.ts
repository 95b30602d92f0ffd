import type { QoS } from '../protocol/packets';
import type { Permissions, PublishRequest } from '../protocol/permissions';
import { type AllowEntry, CompiledAcl, type Decision, type DenyEntry, literalPrefixOf, noRule } from './compiled-acl';
import type { Action, IdentityKind, Rule } from './rule';
import { fillTemplate, type TemplateValues } from './topic-template';

/** The client that rules are applied to. */
export interface Subject extends TemplateValues {
  readonly kind: IdentityKind;
}

/** Rules of one source: `configuration`, `account alice` or `token`. */
export interface SourcedRules {
  readonly source: string;
  readonly rules: readonly Rule[];
}

export type AccessRequest =
  | ({ readonly action: 'publish' } & PublishRequest)
  | { readonly action: 'subscribe'; readonly filter: string }
  | { readonly action: 'receive'; readonly topic: string };

/**
 * Permissions of one client by rules. Rules that do not apply to the client are left out, variables are replaced once, and decisions
 * are cached, so a message costs one lookup.
 *
 * Topic filters of rules match as in MQTT: `#` matches no topic that begins with `$`; a rule for those has `$SYS/#`.
 */
export class RulePermissions implements Permissions {
  private readonly rules: readonly NamedRule[];
  private readonly subject: Subject;
  private readonly acls: Partial<Record<AclKind, CompiledAcl>> = {};

  constructor(sources: readonly SourcedRules[], subject: Subject) {
    this.rules = sources.flatMap(withNames).filter(({ rule }) => appliesTo(rule, subject));
    this.subject = subject;
  }

  mayPublish(message: PublishRequest): boolean {
    return this.decidePublish(message).outcome === 'allowed';
  }

  subscribeQos(filter: string): QoS | undefined {
    return allowedQos(this.acl('subscribe').decideFilter(withoutShareName(filter)));
  }

  mayReceive(topic: string): boolean {
    return this.acl('receive').decideTopic(topic).outcome === 'allowed';
  }

  /** Decides like the methods above, and names the rule: by its name, or by its source and position, the first being 1. */
  decide(request: AccessRequest): Decision {
    switch (request.action) {
      case 'publish':
        return this.decidePublish(request);
      case 'subscribe':
        return this.acl('subscribe').decideFilter(withoutShareName(request.filter));
      case 'receive':
        return this.acl('receive').decideTopic(request.topic);
    }
  }

  private decidePublish({ topic, qos, retain }: PublishRequest): Decision {
    const decision = this.acl(retain ? 'publishRetained' : 'publish').decideTopic(topic);
    return decision.outcome === 'allowed' && decision.qos < qos ? noRule : decision;
  }

  /** Compiles an ACL at its first use: a client that only subscribes needs none for publishing. */
  private acl(kind: AclKind): CompiledAcl {
    this.acls[kind] ??= compileAcl(kind, this.rules, this.subject);
    return this.acls[kind];
  }
}

/** Actions that have an ACL of their own. */
type AclKind = Action | 'publishRetained';

function allowedQos(decision: Decision): QoS | undefined {
  return decision.outcome === 'allowed' ? decision.qos : undefined;
}

/** Returns the topic filter of a shared subscription. A malformed one is returned unchanged; no rule allows it. */
function withoutShareName(name: string): string {
  return /^\$share\/[^/+#]+\/(.+)$/s.exec(name)?.[1] ?? name;
}

interface NamedRule {
  readonly rule: Rule;
  readonly name: string;
}

function withNames({ source, rules }: SourcedRules): NamedRule[] {
  return rules.map((rule, index) => ({ rule, name: rule.name ?? `${source} rule ${index + 1}` }));
}

export function appliesTo({ who = {} }: Rule, { kind, username, clientId }: Subject): boolean {
  return isAmong(kind, who.kinds) && isAmong(username, who.usernames) && isAmong(clientId, who.clientIds);
}

function isAmong(value: string | undefined, accepted: readonly string[] | undefined): boolean {
  return accepted === undefined || (value !== undefined && accepted.includes(value));
}

function compileAcl(kind: AclKind, rules: readonly NamedRule[], subject: Subject): CompiledAcl {
  const allowing = rules.filter(({ rule }) => rule.effect !== 'deny' && allows(rule, kind));
  const denying = rules.filter(({ rule }) => rule.effect === 'deny' && denies(rule, kind));
  return new CompiledAcl(
    allowing.flatMap((rule) => allowEntriesOf(rule, subject)),
    denying.flatMap((rule) => denyEntriesOf(rule, subject)),
  );
}

function allows({ actions, retain }: Rule, kind: AclKind): boolean {
  if (kind === 'publishRetained') return actions.includes('publish') && retain !== false;
  return actions.includes(kind) || (kind === 'receive' && actions.includes('subscribe'));
}

function denies({ actions }: Rule, kind: AclKind): boolean {
  return actions.includes(kind === 'publishRetained' ? 'publish' : kind);
}

/** A topic filter with a missing value allows nothing. */
function allowEntriesOf({ rule, name }: NamedRule, subject: Subject): AllowEntry[] {
  return rule.topics.flatMap((topic) => {
    const { filter, complete } = fillTemplate(topic, subject);
    return complete ? { rule: name, filter, literalPrefix: literalPrefixOf(filter), qos: rule.maxQos ?? 2 } : [];
  });
}

/** A topic filter with a missing value denies the topics for every value. */
function denyEntriesOf({ rule, name }: NamedRule, subject: Subject): DenyEntry[] {
  return rule.topics.map((topic) => {
    const { filter, anyFirstLevel } = fillTemplate(topic, subject);
    return { rule: name, filter, literalPrefix: literalPrefixOf(filter), anyFirstLevel };
  });
}
