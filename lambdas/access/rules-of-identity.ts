import type { AccessConfig } from './access-config';
import type { Account } from './accounts';
import type { Identity } from './identity';
import type { SourcedRules } from './rule-permissions';

/** Checks whether the configuration still allows this kind of identity. */
export function isStillAllowed({ anonymous, users, issuers }: AccessConfig, { kind, issuer }: Identity): boolean {
  if (kind === 'anonymous') return anonymous !== 'off';
  return kind === 'user' ? users : issuers.some((known) => known.issuer === issuer);
}

/** Returns the identity of a user. */
export function identityOf({ username, clientId, clientIdPrefix }: Account): Identity {
  return {
    kind: 'user',
    username,
    ...(clientId !== undefined && { clientId }),
    ...(clientIdPrefix !== undefined && { clientIdPrefix }),
  };
}

/** Returns all rules that may apply to a client, with their sources. */
export function rulesOf(config: AccessConfig, { rules = [] }: Identity, account: Account | undefined): SourcedRules[] {
  return [
    { source: 'configuration', rules: config.rules },
    ...(account ? [{ source: `account ${account.username}`, rules: account.rules }] : []),
    ...(rules.length > 0 ? [{ source: 'token', rules }] : []),
  ];
}
