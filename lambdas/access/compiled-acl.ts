import type { QoS } from '../protocol/packets';
import { covers, matches } from '../protocol/topic-filter';
import { overlaps } from './overlaps';

export type Decision =
  /** By this rule, up to this QoS. */
  | { readonly outcome: 'allowed'; readonly rule: string; readonly qos: QoS }
  /** By this rule, whatever others allow. */
  | { readonly outcome: 'denied'; readonly rule: string }
  /** No rule allows it, or none does at the QoS or with the retain flag asked for. */
  | { readonly outcome: 'unmentioned' };

export const unmentioned: Decision = { outcome: 'unmentioned' };

/** One topic of a rule, filled in. */
interface Clause {
  readonly rule: string;
  readonly filter: string;
  /** `startOf` the filter; it rules out most clauses without a look at levels. */
  readonly start: string;
}

export interface Grant extends Clause {
  readonly qos: QoS;
}

export interface Denial extends Clause {
  /** The `+` that the filter begins with stands for anything, also for what begins with `$`. */
  readonly anyFirstLevel: boolean;
}

/** What every topic of a filter begins with: all up to the first wildcard and the slash before it, because `a/#` matches `a`. */
export function startOf(filter: string): string {
  return filter.slice(0, filter.search(/\/?[+#]|$/));
}

/** Decisions remembered per client and action; a client publishes to few topics, and a container knows many clients. */
const rememberedTopics = 64;
const rememberedLength = 256;

/** Everything that one action of one client is judged by. */
export class CompiledAcl {
  private readonly grants: readonly Grant[];
  private readonly denials: readonly Denial[];
  private readonly remembered = new Map<string, Decision>();

  constructor(grants: readonly Grant[], denials: readonly Denial[]) {
    this.grants = grants.toSorted((one, other) => other.qos - one.qos); // the first that fits is the best
    this.denials = denials;
  }

  onTopic(topic: string): Decision {
    const known = this.remembered.get(topic);
    if (known) return known;
    const decision = this.judge(topic, reaches, reaches);
    if (topic.length <= rememberedLength) this.remember(topic, decision);
    return decision;
  }

  /** A subscription is allowed by one rule for all of it, and denied by one for any of it. */
  onFilter(filter: string): Decision {
    return this.judge(filter, encloses, touches);
  }

  private judge(asked: string, allows: Relation, denies: Relation): Decision {
    const denial = this.denials.find((each) => denies(each, reachable(asked, each)));
    if (denial) return { outcome: 'denied', rule: denial.rule };
    const grant = this.grants.find((each) => allows(each, asked));
    return grant ? { outcome: 'allowed', rule: grant.rule, qos: grant.qos } : unmentioned;
  }

  private remember(topic: string, decision: Decision): void {
    if (this.remembered.size >= rememberedTopics) this.remembered.clear();
    this.remembered.set(topic, decision);
  }
}

/** Between a clause and the topic or filter asked about. */
type Relation = (clause: Clause, asked: string) => boolean;

const reaches: Relation = ({ filter, start }, topic) => topic.startsWith(start) && matches(filter, topic);
const encloses: Relation = ({ filter }, asked) => covers(filter, asked);
const touches: Relation = ({ filter }, asked) => overlaps(filter, asked);

/** A leading `+` that stands for anything sees a leading `$` as any other character; without it the level is still one level. */
function reachable(asked: string, { anyFirstLevel }: Denial): string {
  return anyFirstLevel && asked.startsWith('$') ? `_${asked}` : asked;
}
