import { readFile } from 'node:fs/promises';
import { type Account, longestClientIdPrefix } from '../../lambdas/access/accounts';
import { parseJson } from '../../lambdas/access/checked-json';
import { readRules } from '../../lambdas/access/read-rules';
import type { Rule } from '../../lambdas/access/rule';
import { allowedTextRule, isAllowedText } from '../../lambdas/protocol/disallowed-characters';
import { type Flags, UsageError } from '../command';
import { wholeNumber } from '../flag-values';
import type { ParsedValues } from '../parse-options';

export const accountHelp = `permissions, in addition to those of every client:
  --publish FILTER     allow publishing to matching topics; repeatable
  --subscribe FILTER   allow subscribing to everything that the filter covers, and receiving it; repeatable
  --max-qos N          maximum QoS of --publish and --subscribe
  --no-retain          deny the retain flag for --publish
  --rules FILE         JSON list of rules, for more detail
  --client-id ID       allow only this client id
  --client-id-prefix P allow only client ids that begin with this prefix
  --max-connections N  maximum number of concurrent connections
`;

export const accountFlags = {
  publish: { type: 'string', multiple: true },
  subscribe: { type: 'string', multiple: true },
  'max-qos': { type: 'string' },
  'no-retain': { type: 'boolean' },
  rules: { type: 'string' },
  'client-id': { type: 'string' },
  'client-id-prefix': { type: 'string' },
  'max-connections': { type: 'string' },
} as const satisfies Flags;

type Values = ParsedValues<typeof accountFlags>;

const maxConnectionLimit = 1_000_000;

/** Parses the flags of `users add`, all but name and password. @throws UsageError; InvalidAccessError for wrong rules. */
export async function readAccountOptions(
  values: Values,
): Promise<Omit<Account, 'username' | 'passwordHash' | 'scram'>> {
  const { 'client-id': clientId, 'client-id-prefix': clientIdPrefix, 'max-connections': connections } = values;
  if (clientId !== undefined && clientIdPrefix !== undefined) {
    throw new UsageError('--client-id and --client-id-prefix exclude each other');
  }
  return {
    ...(clientId === undefined ? {} : { clientId: parseClientIdText('--client-id', clientId) }),
    ...(clientIdPrefix === undefined ? {} : { clientIdPrefix: parsePrefix(clientIdPrefix) }),
    ...(connections === undefined
      ? {}
      : { maxConnections: wholeNumber('--max-connections', connections, { min: 1, max: maxConnectionLimit }) }),
    rules: [...rulesFromFlags(values), ...(values.rules === undefined ? [] : await readRulesFile(values.rules))],
  };
}

function parsePrefix(prefix: string): string {
  if (Buffer.byteLength(prefix) > longestClientIdPrefix) {
    throw new UsageError(`--client-id-prefix has more than ${longestClientIdPrefix} bytes`);
  }
  return parseClientIdText('--client-id-prefix', prefix);
}

function parseClientIdText(flag: string, value: string): string {
  if (value === '') throw new UsageError(`${flag} must not be empty`);
  if (!isAllowedText(value)) throw new UsageError(`${flag} takes text ${allowedTextRule}`);
  return value;
}

function rulesFromFlags({ publish, subscribe, 'max-qos': qos, 'no-retain': noRetain }: Values): Rule[] {
  if (qos !== undefined && !publish && !subscribe) throw new UsageError('--max-qos needs --publish or --subscribe');
  if (noRetain && !publish) throw new UsageError('--no-retain needs --publish');
  const limit = qos === undefined ? {} : { maxQos: wholeNumber('--max-qos', qos, { min: 0, max: 2 }) };
  const publishing = { actions: ['publish'], topics: publish, ...limit, ...(noRetain ? { retain: false } : {}) };
  const subscribing = { actions: ['subscribe'], topics: subscribe, ...limit };
  return [
    ...(publish ? readRules([publishing], '--publish') : []),
    ...(subscribe ? readRules([subscribing], '--subscribe') : []),
  ];
}

async function readRulesFile(file: string): Promise<Rule[]> {
  return readRules(parseJson(await readFile(file, 'utf8'), file), file);
}
