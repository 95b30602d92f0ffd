import type { Account } from '../../lambdas/access/accounts';

/** An account without what helps to guess its password. */
export function publicAccount({ passwordHash, scram, ...account }: Account) {
  const { username, ...rest } = account;
  return { username, password: passwordHash !== undefined, scram: scram !== undefined, ...rest };
}

/** An account for people to read. Rules are shown as they would stand in a file of rules. */
export function describeAccount(account: Account): string {
  const { username, passwordHash, scram, rules, maxConnections } = account;
  const logins = [...(passwordHash ? ['password'] : []), ...(scram ? ['SCRAM-SHA-256'] : [])];
  const [first = 'none', ...others] = rules.map((rule) => JSON.stringify(rule));
  return [
    `user         ${shown(username)}`,
    `logs in by   ${logins.join(', ') || 'nothing'}`,
    `client id    ${describeClientId(account)}`,
    `connections  ${maxConnections === undefined ? 'as many as everybody' : `at most ${maxConnections}`}`,
    `rules        ${first}`,
    ...others.map((rule) => `             ${rule}`),
    '',
  ].join('\n');
}

function describeClientId({ clientId, clientIdPrefix }: Account): string {
  if (clientId !== undefined) return shown(clientId);
  return clientIdPrefix === undefined ? 'any' : `begins with ${shown(clientIdPrefix)}`;
}

/** A text as it is, unless it has characters that a terminal would obey. */
export function shown(text: string): string {
  return /\p{C}/u.test(text) ? quoted(text) : text;
}

/** A text between quotation marks, with everything that a terminal would obey spelt out. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
