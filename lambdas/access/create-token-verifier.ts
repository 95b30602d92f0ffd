import type { AccessConfig } from './access-config';
import { readRules } from './read-rules';
import type { Rule } from './rule';
import { TokenVerifier } from './token-verifier';
import { variablesIn } from './topic-template';

/** Creates the verifier for the tokens of the configured issuers. */
export function createTokenVerifier({ issuers, rules }: AccessConfig): TokenVerifier {
  return new TokenVerifier(issuers, { claimNames: claimNamesIn(rules), readRules });
}

/** Identities contain only the claims that a rule refers to. */
function claimNamesIn(rules: readonly Rule[]): Set<string> {
  const variables = rules.flatMap(({ topics }) => topics.flatMap(variablesIn));
  return new Set(variables.filter((name) => name.startsWith('claim.')).map((name) => name.slice('claim.'.length)));
}
