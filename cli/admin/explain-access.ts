import type { AccessConfig } from '../../lambdas/access/access-config';
import type { Account } from '../../lambdas/access/accounts';
import { type Identity, isGoodFor } from '../../lambdas/access/identity';
import { isStillAllowed, rulesOf } from '../../lambdas/access/identity-rules';
import { overlaps } from '../../lambdas/access/overlaps';
import { closedAccess } from '../../lambdas/access/read-access';
import type { Rule } from '../../lambdas/access/rule';
import { concerns, type Inquiry, RulePermissions } from '../../lambdas/access/rule-permissions';
import { fillTemplate, type Subject } from '../../lambdas/access/topic-template';
import type { QoS } from '../../lambdas/protocol/packets';
import { isReservedTopic } from '../../lambdas/protocol/topic';
import { quoted } from '../terminal-text';

/** Client of an inquiry, with everything that the command knows about it. */
export interface ExplainedClient {
  /** Access configuration; if absent, the rules for every client are unknown. */
  readonly config?: AccessConfig;
  readonly identity: Identity;
  /** Account of a client of kind `user`. */
  readonly account?: Account;
  /** Absent if unknown; then rules for certain client ids are ignored. */
  readonly clientId?: string;
}

/** Result of `explain`, in the form of its JSON output. */
export interface AccessExplanation {
  readonly allowed: boolean;
  /** Name of the rule that decides, if any. */
  readonly rule?: string;
  /** Maximum QoS of an allowed publish or subscribe. */
  readonly qos?: QoS;
  /** Reason as text. */
  readonly why: string;
  /** Rules and facts that could not be considered. */
  readonly notes: readonly string[];
}

const clientKinds = { anonymous: 'anonymous clients', user: 'user accounts', token: 'tokens' };

/** Computes the broker's decision on an action of a client, and its reason. */
export function explainAccess(client: ExplainedClient, inquiry: Inquiry): AccessExplanation {
  const { config = closedAccess, identity, account } = client;
  if (!isStillAllowed(config, identity)) return denied(`the configuration accepts no ${clientKinds[identity.kind]}`);
  if (account && client.clientId !== undefined && !isGoodFor(account, client.clientId)) {
    return denied(`the account does not allow client id ${quoted(client.clientId)}`);
  }
  if (inquiry.action === 'publish' && isReservedTopic(inquiry.topic))
    return denied('the topic is reserved for the broker');
  if (identity.kind === 'anonymous' && config.anonymous === 'everything') {
    return { allowed: true, why: 'allowed: anonymous clients may do everything', notes: [] };
  }
  return explainByRules(client, inquiry);
}

function explainByRules({ config, identity, account, clientId }: ExplainedClient, inquiry: Inquiry): AccessExplanation {
  const sources = rulesOf(config ?? closedAccess, identity, account);
  const subject = { ...identity, clientId: clientId ?? account?.clientId ?? '' };
  const rules = sources.flatMap((source) => source.rules);
  const omitted = config ? [] : ['the rules for every client are unknown without --access'];
  const notes = [...omitted, ...missingFacts(rules, subject, inquiry)];
  return { ...explainDecision(new RulePermissions(sources, subject), inquiry), notes };
}

function explainDecision(permissions: RulePermissions, inquiry: Inquiry): AccessExplanation {
  const decision = permissions.decide(inquiry);
  if (decision.outcome === 'unmentioned') return denied(explainUnmentioned(permissions, inquiry));
  const { outcome, rule } = decision;
  if (outcome === 'denied') return { allowed: false, rule, why: `denied by ${quoted(rule)}`, notes: [] };
  // A receive decision of the broker has no QoS.
  if (inquiry.action === 'receive') return { allowed: true, rule, why: `allowed by ${quoted(rule)}`, notes: [] };
  const { qos } = decision;
  return { allowed: true, rule, qos, why: `allowed by ${quoted(rule)}, up to QoS ${qos}`, notes: [] };
}

function denied(reason: string): AccessExplanation {
  return { allowed: false, why: `denied: ${reason}`, notes: [] };
}

/** Returns why no rule allows a publish: a rule may allow a lower QoS, or a message without the retain flag. */
function explainUnmentioned(permissions: RulePermissions, inquiry: Inquiry): string {
  if (inquiry.action !== 'publish') return 'no rule allows it';
  const { qos, retain } = inquiry;
  for (const less of [{ qos: 0 }, { retain: false }, { qos: 0, retain: false }] as const) {
    const decision = permissions.decide({ ...inquiry, ...less });
    if (decision.outcome !== 'allowed') continue;
    const upTo = decision.qos < qos ? ` only up to QoS ${decision.qos}` : '';
    const unretained = retain && 'retain' in less ? ', but not retained' : '';
    return `${quoted(decision.rule)} allows it${upTo}${unretained}`;
  }
  return 'no rule allows it';
}

/** Lists rules that may apply, but contain a client id or a template variable that is unknown. */
function missingFacts(rules: readonly Rule[], subject: Subject, inquiry: Inquiry): string[] {
  const requested = inquiry.action === 'subscribe' ? inquiry.filter : inquiry.topic;
  const fits = (topic: string) => overlaps(fillTemplate(topic, subject).filter, requested);
  const relevant = rules.filter((rule) => coversAction(rule, inquiry.action) && rule.topics.some(fits));
  const isForSome = subject.clientId === '' && relevant.some(({ who }) => who?.clientIds);
  const topics = relevant.filter((rule) => concerns(rule, subject)).flatMap((rule) => rule.topics.filter(fits));
  const unresolved = new Set(topics.filter((topic) => !fillTemplate(topic, subject).complete));
  return [
    ...(isForSome ? ['the rules for certain client ids are ignored without --client-id'] : []),
    ...[...unresolved].map((topic) => `unknown value in ${quoted(topic)}`),
  ];
}

function coversAction({ actions }: Rule, action: Inquiry['action']): boolean {
  return actions.includes(action) || (action === 'receive' && actions.includes('subscribe'));
}
