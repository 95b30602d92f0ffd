import type { RefusedRequest, SubscriptionRequest } from '../../protocol/effects';
import type { Settings } from '../../settings';
import type { ConnectionRecord } from '../model/connection';
import type { SubscriptionCounts } from '../model/subscription';
import type { Ports } from '../ports/ports';

/** Limits of one session; 0 is no limit. */
type Limits = Pick<Settings, 'maxSubscriptions' | 'maxShareGroups'>;

/** The requests of SUBSCRIBE packets, and the limits of the session. */
export interface CountedRequests {
  readonly requests: readonly (SubscriptionRequest | RefusedRequest)[];
  readonly limits: Limits;
}

/** Subscriptions that a session may still have. */
export interface FreeSubscriptions {
  /** Counts a subscription, and returns false if a limit forbids it. The same name counts once. */
  take(name: string): boolean;
  /** Subscriptions of the session, with those that were taken. Undefined where they were not counted. */
  readonly counts: SubscriptionCounts | undefined;
}

const sharePrefix = '$share/';

/**
 * Returns how many subscriptions a session may still have. The record of the connection has an upper bound of its subscriptions; they
 * are read and counted only where that bound is unknown or exceeds a limit.
 */
export async function freeSubscriptions(
  ports: Ports,
  connection: ConnectionRecord,
  { requests, limits }: CountedRequests,
): Promise<FreeSubscriptions> {
  const { maxSubscriptions, maxShareGroups } = limits;
  if (maxSubscriptions === 0 && maxShareGroups === 0) return { take: () => true, counts: connection.subscribed };
  const names = requests.flatMap((request) => ('refused' in request ? [] : request.name));
  const bound = connection.subscribed;
  if (bound && fits(sum(bound, countOf([...new Set(names)])), limits)) {
    return new Counted({ counts: bound, limits });
  }
  const there = await ports.sessions.subscriptions(connection.session);
  const report: CountedOptions['report'] = (limit, allowed) => {
    const { clientId, identity } = connection;
    const { username = '' } = identity;
    ports.log('limit', { limit, username, clientId, allowed });
    ports.metrics.count('LimitsReached');
  };
  return new Counted({ counts: countOf(there), limits, names: new Set(there), report });
}

interface CountedOptions {
  /** Number of all subscriptions, those in `names` included. */
  readonly counts: SubscriptionCounts;
  readonly limits: Limits;
  /** Subscriptions that the session has; absent where they were not read. */
  readonly names?: Set<string>;
  /** Called once, for the first subscription that a limit refuses. */
  readonly report?: (limit: string, allowed: number) => void;
}

class Counted implements FreeSubscriptions {
  counts: SubscriptionCounts;
  private readonly limits: Limits;
  private readonly names: Set<string>;
  private readonly report: (limit: string, allowed: number) => void;
  private hasReported = false;

  constructor({ counts, limits, names = new Set(), report = () => {} }: CountedOptions) {
    this.counts = counts;
    this.limits = limits;
    this.names = names;
    this.report = report;
  }

  take(name: string): boolean {
    if (this.names.has(name)) return true;
    const counts = sum(this.counts, countOf([name]));
    if (!fits(counts, this.limits)) return this.refuse(counts);
    this.names.add(name);
    this.counts = counts;
    return true;
  }

  private refuse({ all }: SubscriptionCounts): false {
    const { maxSubscriptions, maxShareGroups } = this.limits;
    const isFull = maxSubscriptions > 0 && all > maxSubscriptions;
    if (!this.hasReported && isFull) this.report('subscriptions of a session', maxSubscriptions);
    else if (!this.hasReported) this.report('shared subscriptions of a session', maxShareGroups);
    this.hasReported = true;
    return false;
  }
}

function countOf(names: readonly string[]): SubscriptionCounts {
  return { all: names.length, shared: names.filter((name) => name.startsWith(sharePrefix)).length };
}

function sum(one: SubscriptionCounts, other: SubscriptionCounts): SubscriptionCounts {
  return { all: one.all + other.all, shared: one.shared + other.shared };
}

function fits({ all, shared }: SubscriptionCounts, { maxSubscriptions, maxShareGroups }: Limits): boolean {
  return (maxSubscriptions === 0 || all <= maxSubscriptions) && (maxShareGroups === 0 || shared <= maxShareGroups);
}
