import type { Account } from '../../lambdas/access/accounts';
import { printable } from '../terminal-text';

/** Returns the account without its password hash and SCRAM credentials, for JSON output. */
export function publicAccount({ passwordHash, scram, ...account }: Account) {
  const { username, ...rest } = account;
  return { username, password: passwordHash !== undefined, scram: scram !== undefined, ...rest };
}

/** Formats an account as text. Each rule is printed as JSON, in the form of a rules file. */
export function describeAccount(account: Account): string {
  const { username, passwordHash, scram, rules, maxConnections } = account;
  const logins = [...(passwordHash ? ['password'] : []), ...(scram ? ['SCRAM-SHA-256'] : [])];
  const [first = 'none', ...others] = rules.map((rule) => JSON.stringify(rule));
  return [
    `user         ${printable(username)}`,
    `login        ${logins.join(', ') || 'none'}`,
    `client id    ${describeClientId(account)}`,
    `connections  ${maxConnections === undefined ? 'default limit' : `at most ${maxConnections}`}`,
    `rules        ${first}`,
    ...others.map((rule) => `             ${rule}`),
    '',
  ].join('\n');
}

function describeClientId({ clientId, clientIdPrefix }: Account): string {
  if (clientId !== undefined) return printable(clientId);
  return clientIdPrefix === undefined ? 'any' : `begins with ${printable(clientIdPrefix)}`;
}
