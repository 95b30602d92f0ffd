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
import { quoted } from './describe-account';

/** Whom an inquiry is about, and all that is known of it. */
export interface Client {
  /** Absent when nobody said; then what it has for everybody is left out. */
  readonly config?: AccessConfig;
  readonly identity: Identity;
  /** Of a user. */
  readonly account?: Account;
  /** Absent when nobody said. */
  readonly clientId?: string;
}

/** Whether something is allowed, by which rule if by one, and why in words. */
export interface Verdict {
  readonly allowed: boolean;
  readonly rule?: string;
  /** Highest QoS to publish or subscribe at, when it is allowed. */
  readonly qos?: QoS;
  readonly why: string;
  /** What could not be considered. */
  readonly notes: readonly string[];
}

const nobodyOf = { anonymous: 'client without proof', user: 'user', token: 'token' };

/** What the broker would answer a client. */
export function verdictOn(client: Client, inquiry: Inquiry): Verdict {
  const { config = closedAccess, identity, account } = client;
  if (!isStillAllowed(config, identity)) return denied(`the configuration lets in no ${nobodyOf[identity.kind]}`);
  if (account && client.clientId !== undefined && !isGoodFor(account, client.clientId)) {
    return denied(`the account is not good for client id ${quoted(client.clientId)}`);
  }
  if (inquiry.action === 'publish' && isReservedTopic(inquiry.topic))
    return denied('the broker lets nobody publish there');
  if (identity.kind === 'anonymous' && config.anonymous === 'everything') {
    return { allowed: true, why: 'allowed: clients without proof may do everything', notes: [] };
  }
  return byRules(client, inquiry);
}

function byRules({ config, identity, account, clientId }: Client, inquiry: Inquiry): Verdict {
  const sources = rulesOf(config ?? closedAccess, identity, account);
  const subject = { ...identity, clientId: clientId ?? account?.clientId ?? '' };
  const rules = sources.flatMap((source) => source.rules);
  const unread = config ? [] : ['rules for everybody are left out, for want of --access'];
  const notes = [...unread, ...gaps(rules, subject, inquiry)];
  return { ...judge(new RulePermissions(sources, subject), inquiry), notes };
}

function judge(permissions: RulePermissions, inquiry: Inquiry): Verdict {
  const decision = permissions.decide(inquiry);
  if (decision.outcome === 'unmentioned') return denied(missing(permissions, inquiry));
  const { outcome, rule } = decision;
  if (outcome === 'denied') return { allowed: false, rule, why: `denied by ${quoted(rule)}`, notes: [] };
  // Of what is received the broker asks only whether.
  if (inquiry.action === 'receive') return { allowed: true, rule, why: `allowed by ${quoted(rule)}`, notes: [] };
  const { qos } = decision;
  return { allowed: true, rule, qos, why: `allowed by ${quoted(rule)}, up to QoS ${qos}`, notes: [] };
}

function denied(reason: string): Verdict {
  return { allowed: false, why: `denied: ${reason}`, notes: [] };
}

/** Why no rule allows it: some may with less asked for. */
function missing(permissions: RulePermissions, inquiry: Inquiry): string {
  if (inquiry.action !== 'publish') return 'no rule allows it';
  const { qos, retain } = inquiry;
  for (const less of [{ qos: 0 }, { retain: false }, { qos: 0, retain: false }] as const) {
    const decision = permissions.decide({ ...inquiry, ...less });
    if (decision.outcome !== 'allowed') continue;
    const upTo = decision.qos < qos ? ` up to QoS ${decision.qos} only` : '';
    const unretained = retain && 'retain' in less ? ', but not retained' : '';
    return `${quoted(decision.rule)} allows it${upTo}${unretained}`;
  }
  return 'no rule allows it';
}

/** What would be said more surely if more were known of the client. */
function gaps(rules: readonly Rule[], subject: Subject, inquiry: Inquiry): string[] {
  const asked = inquiry.action === 'subscribe' ? inquiry.filter : inquiry.topic;
  const fits = (topic: string) => overlaps(fillTemplate(topic, subject).filter, asked);
  const near = rules.filter((rule) => isAbout(rule, inquiry.action) && rule.topics.some(fits));
  const isForSome = subject.clientId === '' && near.some(({ who }) => who?.clientIds);
  const topics = near.filter((rule) => concerns(rule, subject)).flatMap((rule) => rule.topics.filter(fits));
  const open = new Set(topics.filter((topic) => !fillTemplate(topic, subject).complete));
  return [
    ...(isForSome ? ['rules for certain client ids are left out, for want of --client-id'] : []),
    ...[...open].map((topic) => `not known what stands in ${quoted(topic)}`),
  ];
}

function isAbout({ actions }: Rule, action: Inquiry['action']): boolean {
  return actions.includes(action) || (action === 'receive' && actions.includes('subscribe'));
}
