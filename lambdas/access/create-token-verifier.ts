import type { AccessConfig } from './access-config';
import { readRules } from './read-rules';
import type { Rule } from './rule';
import { TokenVerifier } from './token-verifier';
import { templateParts } from './topic-template';

/** What looks at tokens, as it is configured. */
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
