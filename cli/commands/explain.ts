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
import { type Client, type Verdict, verdictOn } from '../admin/decision';
import { quoted } from '../admin/describe-account';
import { existingAccount } from '../admin/existing-account';
import { openDirectory, resourcesAt, targetFlags, targetHelp, withLocalAddress } from '../admin/open-directory';
import { answeredNo, type Command, type Flags, UsageError } from '../command';
import { type ParsedValues, parseOptions, wholeNumber } from '../options';

const help = `usage: cirrus-mqtt explain USER publish TOPIC    [--qos N] [--retain] [who] [where]
       cirrus-mqtt explain USER subscribe FILTER [who] [where]
       cirrus-mqtt explain USER receive TOPIC    [who] [where]
       cirrus-mqtt explain --anonymous publish|subscribe|receive TOPIC [where]

Which rule lets a client do something, or keeps it from doing so. Ends with 0 when it is allowed and with 2 when it is
denied; with 1 when that could not be found out.

  --qos N              publish at this QoS, 0 by default
  --retain             publish with the retain flag
  --json               the answer as JSON

who, a user with an account unless told otherwise:
  --client-id ID       the client id it connects with
  --token              USER is the name that a token gives
  --claim NAME=VALUE   a claim of that token; may be given again
  --anonymous          no USER: a client without any proof

${targetHelp}
  --access FILE        the access configuration; the local cloud tells its own, and without either only the rules of
                       the account are known
`;

const flags = {
  ...targetFlags,
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

/** `cirrus-mqtt explain`: which rule decides. */
export const explainCommand: Command = {
  help,
  flags,
  exits: { [answeredNo]: 'it is denied' },
  async run(args, { stdout }) {
    const { values, positionals } = parseOptions(withLocalAddress(args), flags, true);
    const identity = readIdentity(values, values.anonymous ? undefined : positionals.shift());
    const inquiry = readInquiry(values, positionals);
    const verdict = verdictOn(await findClient(values, identity), inquiry);
    stdout.write(values.json ? `${JSON.stringify(verdict, undefined, 2)}\n` : describe(verdict));
    return verdict.allowed ? 0 : answeredNo;
  },
};

function readIdentity({ token, anonymous, claim }: Values, username: string | undefined): Identity {
  if (token && anonymous) throw new UsageError('--token and --anonymous exclude each other');
  if (claim && !token) throw new UsageError('--claim needs --token');
  if (anonymous) return { kind: 'anonymous' };
  if (username === undefined) throw new UsageError('explain needs the name of a user');
  if (token) return { kind: 'token', username, claims: Object.fromEntries((claim ?? []).map(readClaim)) };
  if (!canHaveAccount(username)) throw new UsageError('the name of a user has 1 to 256 bytes');
  return { kind: 'user', username };
}

function readClaim(text: string): [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new UsageError(`--claim takes NAME=VALUE, not "${text}"`);
  return [name, value];
}

function readInquiry({ qos, retain = false }: Values, [action, topic, ...rest]: string[]): Inquiry {
  if (action !== 'publish' && action !== 'subscribe' && action !== 'receive') {
    throw new UsageError(`explain takes publish, subscribe, receive, not "${action ?? ''}"`);
  }
  if (topic === undefined) throw new UsageError(`explain ${action} needs a topic`);
  if (rest.length > 0) throw new UsageError(`explain takes one topic, not also "${rest[0]}"`);
  if (action !== 'publish' && (qos !== undefined || retain)) throw new UsageError('--qos and --retain need publish');
  if (action === 'subscribe') return { action, filter: subscriptionName(topic, 5).filter };
  const unclean = disallowedCharacterIn(topic);
  if (unclean) throw new UsageError(`${quoted(topic)} is not a topic, which has no ${unclean}`);
  if (!isTopicName(topic)) throw new UsageError(`${quoted(topic)} is not a topic, which has no wildcards`);
  if (action === 'receive') return { action, topic };
  return { action, topic, qos: qos === undefined ? 0 : (wholeNumber('--qos', qos, 0, 2) as QoS), retain };
}

async function findClient(values: Values, identity: Identity): Promise<Client> {
  const { 'client-id': clientId } = values;
  const config = await findAccess(values);
  if (config === undefined && identity.kind !== 'user') {
    throw new UsageError(`--${identity.kind} needs --access or --local, which tell whether such clients are let in`);
  }
  // A token is one of those that are accepted; whose it is makes no difference to rules.
  const issuer = identity.kind === 'token' ? { issuer: config?.issuers[0]?.issuer } : {};
  const isUser = identity.kind === 'user';
  return {
    config,
    identity: { ...identity, ...issuer },
    account: isUser ? await existingAccount(await openDirectory('explain', values), identity.username!) : undefined,
    clientId,
  };
}

/** A file says how it would be, so it counts more than how it is. */
async function findAccess({ access, local }: Values): Promise<AccessConfig | undefined> {
  if (access !== undefined) return readAccessFile(access);
  if (local !== undefined) return readAccess((await resourcesAt(local)).access, `access of ${local}`);
  return undefined;
}

function describe({ why, notes }: Verdict): string {
  return [why, ...notes.map((note) => `  ${note}`), ''].join('\n');
}
