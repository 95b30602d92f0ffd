import type { AccessConfig } from './access-config';
import type { Account } from './accounts';
import type { Identity } from './identity';
import type { SourcedRules } from './rule-permissions';

/** Whether the configuration still knows this kind of client at all. */
export function isStillAllowed({ anonymous, users, issuers }: AccessConfig, { kind, issuer }: Identity): boolean {
  if (kind === 'anonymous') return anonymous !== 'off';
  return kind === 'user' ? users : issuers.some((known) => known.issuer === issuer);
}

/** What is known of a user from its account. */
export function identityOf({ username, clientId, clientIdPrefix }: Account): Identity {
  return {
    kind: 'user',
    username,
    ...(clientId !== undefined && { clientId }),
    ...(clientIdPrefix !== undefined && { clientIdPrefix }),
  };
}

/** Every rule that may concern a client, and where it is found. */
export function rulesOf(config: AccessConfig, { rules = [] }: Identity, account: Account | undefined): SourcedRules[] {
  return [
    { source: 'configuration', rules: config.rules },
    ...(account ? [{ source: `account ${account.username}`, rules: account.rules }] : []),
    ...(rules.length > 0 ? [{ source: 'token', rules }] : []),
  ];
}
