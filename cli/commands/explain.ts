import type { AccessConfig } from '../../lambdas/access/access-config';
import { readAccessFile } from '../../lambdas/access/access-file';
import { canHaveAccount } from '../../lambdas/access/accounts';
import type { Identity } from '../../lambdas/access/identity';
import { readAccess } from '../../lambdas/access/read-access';
import type { Inquiry } from '../../lambdas/access/rule-permissions';
import { disallowedCharacterIn } from '../../lambdas/protocol/disallowed-characters';
import type { QoS } from '../../lambdas/protocol/packets';
import { subscriptionName } from '../../lambdas/protocol/subscription-name';
import { isTopicName } from '../../lambdas/protocol/topic';
import { accountsTableFlags, accountsTableHelp, openAccountDirectory } from '../admin/accounts-table';
import { type AccessExplanation, type ExplainedClient, explainAccess } from '../admin/explain-access';
import { localCloudResources, withLocalAddress } from '../admin/local-cloud';
import { requireAccount } from '../admin/require-account';
import { type Command, exitNegative, type Flags, UsageError } from '../command';
import { wholeNumber } from '../flag-values';
import { type ParsedValues, parseOptionsAndArguments } from '../parse-options';
import { quoted } from '../terminal-text';

const help = `usage: cirrus-mqtt explain USER publish TOPIC    [--qos N] [--retain] [client] [broker]
       cirrus-mqtt explain USER subscribe FILTER [client] [broker]
       cirrus-mqtt explain USER receive TOPIC    [client] [broker]
       cirrus-mqtt explain --anonymous publish|subscribe|receive TOPIC [broker]

Shows which rule allows or denies an action of a client. Ends with exit code 0 if the action is allowed, with exit
code 2 if it is denied, and with exit code 1 on an error.

  --qos N              QoS of the publish; default 0
  --retain             publish with the retain flag
  --json               print the result as JSON

client, by default a user with an account:
  --client-id ID       client id of the client
  --token              USER is the user name in a token
  --claim NAME=VALUE   claim of that token; repeatable
  --anonymous          anonymous client, without USER

${accountsTableHelp}
  --access FILE        access configuration; default: that of the local cloud; otherwise only the rules of the account
                       are known
`;

const flags = {
  ...accountsTableFlags,
  access: { type: 'string' },
  'client-id': { type: 'string' },
  qos: { type: 'string' },
  retain: { type: 'boolean' },
  claim: { type: 'string', multiple: true },
  token: { type: 'boolean' },
  anonymous: { type: 'boolean' },
  json: { type: 'boolean' },
} as const satisfies Flags;

type Values = ParsedValues<typeof flags>;

/** `cirrus-mqtt explain`: shows which rule decides. */
export const explainCommand: Command = {
  help,
  flags,
  exitCodes: { [exitNegative]: 'the action is denied' },
  async run(args, { stdout }) {
    const { values, positionals } = parseOptionsAndArguments(withLocalAddress(args), flags);
    const identity = parseIdentity(values, values.anonymous ? undefined : positionals.shift());
    const inquiry = parseInquiry(values, positionals);
    const explanation = explainAccess(await findClient(values, identity), inquiry);
    stdout.write(values.json ? `${JSON.stringify(explanation, undefined, 2)}\n` : describeExplanation(explanation));
    return explanation.allowed ? 0 : exitNegative;
  },
};

function parseIdentity({ token, anonymous, claim }: Values, username: string | undefined): Identity {
  if (token && anonymous) throw new UsageError('--token and --anonymous exclude each other');
  if (claim && !token) throw new UsageError('--claim needs --token');
  if (anonymous) return { kind: 'anonymous' };
  if (username === undefined) throw new UsageError('explain needs a user name');
  if (token) return { kind: 'token', username, claims: Object.fromEntries((claim ?? []).map(parseClaim)) };
  if (!canHaveAccount(username)) throw new UsageError('a user name has 1 to 256 bytes');
  return { kind: 'user', username };
}

function parseClaim(text: string): [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new UsageError(`--claim takes NAME=VALUE, not "${text}"`);
  return [name, value];
}

function parseInquiry({ qos, retain = false }: Values, [action, topic, ...rest]: string[]): Inquiry {
  if (action !== 'publish' && action !== 'subscribe' && action !== 'receive') {
    throw new UsageError(`explain takes publish, subscribe, receive, not "${action ?? ''}"`);
  }
  if (topic === undefined) throw new UsageError(`explain ${action} needs a topic`);
  if (rest.length > 0) throw new UsageError(`explain takes one topic, not also "${rest[0]}"`);
  if (action !== 'publish' && (qos !== undefined || retain)) throw new UsageError('--qos and --retain need publish');
  if (action === 'subscribe') return { action, filter: subscriptionName(topic, 5).filter };
  const disallowed = disallowedCharacterIn(topic);
  if (disallowed) throw new UsageError(`${quoted(topic)} is not a topic: it contains ${disallowed}`);
  if (!isTopicName(topic)) throw new UsageError(`${quoted(topic)} is not a topic: it contains wildcards`);
  if (action === 'receive') return { action, topic };
  return { action, topic, qos: qos === undefined ? 0 : (wholeNumber('--qos', qos, { min: 0, max: 2 }) as QoS), retain };
}

async function findClient(values: Values, identity: Identity): Promise<ExplainedClient> {
  const { 'client-id': clientId } = values;
  const config = await findAccess(values);
  if (config === undefined && identity.kind !== 'user') {
    throw new UsageError(
      `--${identity.kind} needs --access or --local, for the configuration that accepts such clients`,
    );
  }
  // Assumes a token of an accepted issuer. Rules do not depend on the issuer.
  const issuer = identity.kind === 'token' ? { issuer: config?.issuers[0]?.issuer } : {};
  const isUser = identity.kind === 'user';
  return {
    config,
    identity: { ...identity, ...issuer },
    account: isUser
      ? await requireAccount(await openAccountDirectory('explain', values), identity.username!)
      : undefined,
    clientId,
  };
}

/** Reads the access configuration. A file takes precedence over the local cloud, to try a configuration before a deployment. */
async function findAccess({ access, local }: Values): Promise<AccessConfig | undefined> {
  if (access !== undefined) return readAccessFile(access);
  if (local !== undefined)
    return readAccess((await localCloudResources<{ access: unknown }>(local)).access, `access of ${local}`);
  return undefined;
}

function describeExplanation({ why, notes }: AccessExplanation): string {
  return [why, ...notes.map((note) => `  ${note}`), ''].join('\n');
}
