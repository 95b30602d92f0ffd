import type { Account } from './accounts';
import type { Peer } from './authentication-method';
import { allowsClientId } from './identity';
import { changeAfterLogin, clientKeyOf, isKnown, knownUntil } from './known-clients';
import { failureRule, failureSourceOf, isKnownClientThrottled, isThrottled } from './login-throttle';
import type { LoginAttempt, LoginRecord, LoginStore } from './logins';

/** A login attempt and the stored data about it. */
export interface LoginState extends LoginRecord {
  readonly attempt: LoginAttempt;
}

/**
 * Limits failed logins, for passwords and SCRAM alike, after OWASP's device cookies: a client that has logged in recently has a
 * limit of its own, which others cannot exhaust. MQTT has no cookies, so user name, address and client id together make a client
 * known. See docs/adr/0031 for the reasons and the remaining risks.
 */
export class LoginLimits {
  constructor(private readonly store: LoginStore) {}

  async read(attempt: LoginAttempt): Promise<LoginState> {
    return { ...(await this.store.read(attempt)), attempt };
  }

  /** Checks whether the client has to wait before its credentials are checked. */
  async mustWait({ attempt, pair }: LoginState): Promise<boolean> {
    const client = pair.clients.get(clientKeyOf(attempt.clientId));
    if (isKnown(client, attempt.now)) return isKnownClientThrottled(client, attempt.now);
    return isThrottled(pair, await this.store.readShared(attempt), attempt.now);
  }

  async recordFailure({ attempt, pair }: LoginState): Promise<void> {
    const key = clientKeyOf(attempt.clientId);
    if (isKnown(pair.clients.get(key), attempt.now)) await this.store.addFailureOf(key, attempt, failureRule);
    else await this.store.addFailure(attempt, failureRule, knownUntil(pair.clients));
  }

  /** Makes the client known, with at most one write a day. Ignores a client id that the account may not use. */
  async recordSuccess({ attempt, pair }: LoginState, account: Account): Promise<void> {
    if (attempt.source === '' || !allowsClientId(account, attempt.clientId)) return;
    const change = changeAfterLogin(clientKeyOf(attempt.clientId), pair.clients, attempt.now);
    if (change) await this.store.remember(attempt, change);
  }
}

export function loginAttempt(username: string | undefined, { clientId, address, now }: Peer): LoginAttempt {
  return { username, clientId, source: failureSourceOf(address), now };
}
