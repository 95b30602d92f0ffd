import type { ApiClient } from '../../clients/api';
import { printable } from '../terminal-text';

/** Number of sessions and connections of an account, for comparison with `maxSessionsPerUser` and `maxConnectionsPerUser`. */
export interface AccountUsage {
  readonly kind: ApiClient['identity']['kind'];
  readonly username?: string;
  readonly issuer?: string;
  /** Persistent sessions: those that outlive their connections. */
  readonly sessions: number;
  readonly connected: number;
}

/** Counts the clients of each account, most sessions first. All anonymous clients count as one account. */
export async function countAccountUsage(clients: AsyncIterable<ApiClient>): Promise<AccountUsage[]> {
  const usages = new Map<string, AccountUsage>();
  for await (const { identity, persistent, connected } of clients) {
    const name = JSON.stringify([identity.kind, identity.issuer, identity.username]);
    const before = usages.get(name) ?? { ...identity, sessions: 0, connected: 0 };
    const sessions = before.sessions + (persistent ? 1 : 0);
    usages.set(name, { ...before, sessions, connected: before.connected + (connected ? 1 : 0) });
  }
  return [...usages.values()].sort((one, other) => other.sessions - one.sessions || other.connected - one.connected);
}

/** Formats the usage of an account as one line. */
export function describeUsage({ kind, username, sessions, connected }: AccountUsage): string {
  return `${String(sessions).padStart(6)} sessions ${String(connected).padStart(6)} connected  ${printable(username ?? kind)}`;
}
