import { readFile } from 'node:fs/promises';
import { type Account, longestClientIdPrefix } from '../../lambdas/access/accounts';
import { parseJson } from '../../lambdas/access/checked-json';
import { readRules } from '../../lambdas/access/read-rules';
import type { Rule } from '../../lambdas/access/rule';
import { allowedTextRule, isAllowedText } from '../../lambdas/protocol/disallowed-characters';
import { type Flags, UsageError } from '../command';
import { type ParsedValues, wholeNumber } from '../options';

export const accountHelp = `what it may do, besides what everybody may:
  --publish FILTER     publish to topics that match; may be given again
  --subscribe FILTER   subscribe to what the filter covers, and receive it; may be given again
  --max-qos N          QoS of these at most
  --no-retain          publish without the retain flag only
  --rules FILE         a JSON list of rules, which are more detailed
  --client-id ID       connect with this client id only
  --client-id-prefix P connect with client ids that begin so only
  --max-connections N  connections at a time
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

const mostConnections = 1_000_000;

/** An account, but for its name and password. */
export async function readAccountOptions(
  values: Values,
): Promise<Omit<Account, 'username' | 'passwordHash' | 'scram'>> {
  const { 'client-id': clientId, 'client-id-prefix': clientIdPrefix, 'max-connections': connections } = values;
  if (clientId !== undefined && clientIdPrefix !== undefined) {
    throw new UsageError('--client-id and --client-id-prefix exclude each other');
  }
  return {
    ...(clientId === undefined ? {} : { clientId: partOfName('--client-id', clientId) }),
    ...(clientIdPrefix === undefined ? {} : { clientIdPrefix: checkPrefix(clientIdPrefix) }),
    ...(connections === undefined
      ? {}
      : { maxConnections: wholeNumber('--max-connections', connections, 1, mostConnections) }),
    rules: [...rulesOfFlags(values), ...(values.rules === undefined ? [] : await rulesIn(values.rules))],
  };
}

function checkPrefix(prefix: string): string {
  if (Buffer.byteLength(prefix) > longestClientIdPrefix) {
    throw new UsageError(`--client-id-prefix has more than ${longestClientIdPrefix} bytes`);
  }
  return partOfName('--client-id-prefix', prefix);
}

function partOfName(flag: string, value: string): string {
  if (value === '') throw new UsageError(`${flag} is empty`);
  if (!isAllowedText(value)) throw new UsageError(`${flag} takes a text ${allowedTextRule}`);
  return value;
}

function rulesOfFlags({ publish, subscribe, 'max-qos': qos, 'no-retain': noRetain }: Values): Rule[] {
  if (qos !== undefined && !publish && !subscribe) throw new UsageError('--max-qos needs --publish or --subscribe');
  if (noRetain && !publish) throw new UsageError('--no-retain needs --publish');
  const limit = qos === undefined ? {} : { maxQos: wholeNumber('--max-qos', qos, 0, 2) };
  const publishing = { actions: ['publish'], topics: publish, ...limit, ...(noRetain ? { retain: false } : {}) };
  const subscribing = { actions: ['subscribe'], topics: subscribe, ...limit };
  return [
    ...(publish ? readRules([publishing], '--publish') : []),
    ...(subscribe ? readRules([subscribing], '--subscribe') : []),
  ];
}

async function rulesIn(file: string): Promise<Rule[]> {
  return readRules(parseJson(await readFile(file, 'utf8'), file), file);
}
