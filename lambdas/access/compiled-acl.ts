import type { QoS } from '../protocol/packets';
import { covers, matches } from '../protocol/topic-filter';
import { LruMap } from '../shared/lru-map';
import { overlaps } from './overlaps';

export type Decision =
  /** This rule allows the action, up to this QoS. */
  | { readonly outcome: 'allowed'; readonly rule: string; readonly qos: QoS }
  /** This rule denies the action; it overrides rules that allow. */
  | { readonly outcome: 'denied'; readonly rule: string }
  /** No rule allows the action with this QoS and RETAIN flag. */
  | { readonly outcome: 'no-rule' };

export const noRule: Decision = { outcome: 'no-rule' };

/** One topic filter of a rule, with the values of the client in place of variables. */
interface AclEntry {
  readonly rule: string;
  readonly filter: string;
  /** `literalPrefixOf` the filter. It excludes most entries without splitting the topic into levels. */
  readonly literalPrefix: string;
}

export interface AllowEntry extends AclEntry {
  readonly qos: QoS;
}

export interface DenyEntry extends AclEntry {
  /** The leading `+` of the filter stands for a missing value, so it also matches topics that begin with `$`. */
  readonly anyFirstLevel: boolean;
}

/** Returns the common prefix of all topics that match: everything before the first wildcard and its slash, as `a/#` matches `a`. */
export function literalPrefixOf(filter: string): string {
  return filter.slice(0, filter.search(/\/?[+#]|$/));
}

/** Limits of the cached decisions. Each client and action has a cache, and a container serves many clients. */
const maxDecisions = 64;
const maxCachedTopicLength = 256;

/** Compiled allow and deny entries for one client and one action. */
export class CompiledAcl {
  private readonly allowEntries: readonly AllowEntry[];
  private readonly denyEntries: readonly DenyEntry[];
  private readonly decisions = new LruMap<string, Decision>({ maxSize: maxDecisions });

  constructor(allowEntries: readonly AllowEntry[], denyEntries: readonly DenyEntry[]) {
    this.allowEntries = allowEntries.toSorted((one, other) => other.qos - one.qos); // the first match has the highest QoS
    this.denyEntries = denyEntries;
  }

  decideTopic(topic: string): Decision {
    const cached = this.decisions.get(topic);
    if (cached) return cached;
    const decision = this.decide(topic, { allows: matchesTopic, denies: matchesTopic });
    if (topic.length <= maxCachedTopicLength) this.decisions.set(topic, decision);
    return decision;
  }

  /** One rule must cover all of a subscription to allow it; any overlap with a rule that denies is enough to deny it. */
  decideFilter(filter: string): Decision {
    return this.decide(filter, { allows: coversFilter, denies: overlapsFilter });
  }

  private decide(requested: string, { allows, denies }: { allows: Matcher; denies: Matcher }): Decision {
    const denied = this.denyEntries.find((entry) => denies(entry, withoutLeadingDollar(requested, entry)));
    if (denied) return { outcome: 'denied', rule: denied.rule };
    const allowed = this.allowEntries.find((entry) => allows(entry, requested));
    return allowed ? { outcome: 'allowed', rule: allowed.rule, qos: allowed.qos } : noRule;
  }
}

/** Checks whether an entry applies to the requested topic or filter. */
type Matcher = (entry: AclEntry, requested: string) => boolean;

const matchesTopic: Matcher = ({ filter, literalPrefix }, topic) =>
  topic.startsWith(literalPrefix) && matches(filter, topic);
const coversFilter: Matcher = ({ filter }, requested) => covers(filter, requested);
const overlapsFilter: Matcher = ({ filter }, requested) => overlaps(filter, requested);

/** Hides a leading `$` from a `+` that also matches it; the first level stays one level. */
function withoutLeadingDollar(requested: string, { anyFirstLevel }: DenyEntry): string {
  return anyFirstLevel && requested.startsWith('$') ? `_${requested}` : requested;
}
