import type { Access } from './access';
import type { AccessConfig } from './access-config';
import type { AccountStore } from './accounts';
import { Gatekeeper, type GatekeeperProps } from './gatekeeper';
import { OAuthBearer } from './oauth-bearer';
import { readRules } from './read-rules';
import type { Rule } from './rule';
import { ScramSha256 } from './scram';
import { TokenVerifier } from './tokens';
import { templateParts } from './topic-template';

type Surroundings = Pick<GatekeeperProps, 'now' | 'log' | 'maxConnectionsPerUser'>;

/** Everything that decides about clients, as it is configured. */
export function assembleAccess(config: AccessConfig, accounts: AccountStore, surroundings: Surroundings): Access {
  const tokens = verifierOf(config);
  const methods = [
    ...(config.users ? [new ScramSha256(accounts)] : []),
    ...(config.issuers.length > 0 ? [new OAuthBearer(tokens)] : []),
  ];
  return new Gatekeeper({ config, accounts, tokens, methods, ...surroundings });
}

/** The handshake needs nothing else. */
export function verifierOf({ issuers, rules }: AccessConfig): TokenVerifier {
  return new TokenVerifier(issuers, { claimNames: claimNamesIn(rules), readRules });
}

/** Only claims that a rule refers to are kept of a token. */
function claimNamesIn(rules: readonly Rule[]): Set<string> {
  const variables = rules.flatMap(({ topics }) => topics.flatMap((topic) => templateParts(topic).filter(isVariable)));
  return new Set(variables.filter((name) => name.startsWith('claim.')).map((name) => name.slice('claim.'.length)));
}

/** Text and variables take turns. */
function isVariable(_part: string, index: number): boolean {
  return index % 2 === 1;
}
