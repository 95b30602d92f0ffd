import type { Account } from './accounts';
import type { Peer } from './authentication-method';
import { isGoodFor } from './identity';
import { changeBy, clientKeyOf, isKnown, knownUntil } from './known-clients';
import { failureRule, isKnownSlowedDown, isSlowedDown, sourceOf } from './login-throttle';
import type { Attempt, LoginRecord, LoginStore } from './logins';

/** A login with what is known of it. */
export interface KnownLogin extends LoginRecord {
  readonly attempt: Attempt;
}

/**
 * Limits of failed logins, the same for passwords and SCRAM, after OWASP's device cookies: a client that has lately logged in
 * has a limit of its own, which others cannot use up. MQTT has no cookies, so it is the user name, the address and the client id
 * together that make a client known. docs/adr/0031 has the reasons, and what remains.
 */
export class LoginLimits {
  constructor(private readonly store: LoginStore) {}

  /** Reads what is known of a login. */
  async read(attempt: Attempt): Promise<KnownLogin> {
    return { ...(await this.store.read(attempt)), attempt };
  }

  /** Whether the client has to wait before its proof is checked. */
  async mustWait({ attempt, pair }: KnownLogin): Promise<boolean> {
    const client = pair.clients.get(clientKeyOf(attempt.clientId));
    if (isKnown(client, attempt.now)) return isKnownSlowedDown(client, attempt.now);
    return isSlowedDown(pair, await this.store.readShared(attempt), attempt.now);
  }

  async failed({ attempt, pair }: KnownLogin): Promise<void> {
    const key = clientKeyOf(attempt.clientId);
    if (isKnown(pair.clients.get(key), attempt.now)) await this.store.addFailureOf(key, attempt, failureRule);
    else await this.store.addFailure(attempt, failureRule, knownUntil(pair.clients));
  }

  /** Makes the client known; one write a day. A client id that the account is not good for is not worth it. */
  async succeeded({ attempt, pair }: KnownLogin, account: Account): Promise<void> {
    if (attempt.source === '' || !isGoodFor(account, attempt.clientId)) return;
    const change = changeBy(clientKeyOf(attempt.clientId), pair.clients, attempt.now);
    if (change) await this.store.remember(attempt, change);
  }
}

export function attemptOf(username: string | undefined, { clientId, address, now }: Peer): Attempt {
  return { username, clientId, source: sourceOf(address), now };
}
