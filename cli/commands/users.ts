import { canHaveAccount } from '../../lambdas/access/accounts';
import { allowedTextRule, isAllowedText } from '../../lambdas/protocol/disallowed-characters';
import { accountFlags, accountHelp, readAccountOptions } from '../admin/account-options';
import { accountsTableFlags, accountsTableHelp, openAccountDirectory } from '../admin/accounts-table';
import {
  choosePassword,
  deriveCredentials,
  passwordFlags,
  passwordHelp,
  refusePasswordArgument,
} from '../admin/choose-password';
import { describeAccount, publicAccount } from '../admin/describe-account';
import { withLocalAddress } from '../admin/local-cloud';
import { requireAccount, unknownUser } from '../admin/require-account';
import { type Command, type Flags, type Terminal, UsageError } from '../command';
import { type ParsedValues, parseOptions, parseOptionsAndArguments } from '../parse-options';
import { printable, quoted } from '../terminal-text';

const help = `usage: cirrus-mqtt users add NAME    [broker] [password] [permissions]
       cirrus-mqtt users passwd NAME [broker] [password]
       cirrus-mqtt users list        [broker] [--json] [--reserve]
       cirrus-mqtt users show NAME   [broker] [--json]
       cirrus-mqtt users remove NAME [broker]

Manages the accounts of users who log in with a name and a password. A name has 1 to 256 bytes and is case-sensitive.

${accountsTableHelp}
${passwordHelp}
${accountHelp}
for list and show:
  --json               print the accounts as JSON, without password hashes
for list:
  --reserve            reserve the client ids of accounts that an earlier release has added, and release those of
                       removed accounts; needed once after an upgrade from a release without reservations
`;

type Verb = (args: string[], terminal: Terminal) => Promise<void>;

const flagsOf = {
  add: { ...accountsTableFlags, ...passwordFlags, ...accountFlags },
  passwd: { ...accountsTableFlags, ...passwordFlags },
  list: { ...accountsTableFlags, json: { type: 'boolean' }, reserve: { type: 'boolean' } },
  show: { ...accountsTableFlags, json: { type: 'boolean' } },
  remove: accountsTableFlags,
} as const satisfies Record<string, Flags>;

/** `cirrus-mqtt users`: manages the accounts of a broker, on AWS or in the local cloud. */
export const usersCommand: Command = {
  help,
  verbs: flagsOf,
  async run([verb = '', ...args], terminal) {
    const perform = Object.hasOwn(verbs, verb) ? verbs[verb as keyof typeof verbs] : undefined;
    if (!perform) throw new UsageError(`users takes ${Object.keys(verbs).join(', ')}, not "${verb}"`);
    refusePasswordArgument(args);
    await perform(withLocalAddress(args), terminal);
    return 0;
  },
};

const verbs = { add, passwd, list, show, remove } satisfies Record<string, Verb>;

async function add(args: string[], terminal: Terminal): Promise<void> {
  const { username, values } = parseNameAndFlags('add', args, flagsOf.add);
  if (!isAllowedText(username)) throw new UsageError(`users add takes a name ${allowedTextRule}`);
  const options = await readAccountOptions(values);
  const directory = await openAccountDirectory('users', values);
  const chosen = await choosePassword(values, terminal);
  const credentials = await deriveCredentials(chosen.password, { scram: values.scram ?? false });

  const result = await directory.create({ username, ...credentials, ...options });
  if (result === 'exists') {
    throw new Error(`the user ${quoted(username)} exists already; change its password with "users passwd"`);
  }
  terminal.stdout.write(`user ${quoted(username)} added\n${chosen.announcement}`);
}

/** Replaces password hash and SCRAM credentials together, so that no login accepts the old password any more. */
async function passwd(args: string[], terminal: Terminal): Promise<void> {
  const { username, values } = parseNameAndFlags('passwd', args, flagsOf.passwd);
  const directory = await openAccountDirectory('users', values);
  const { passwordHash: _, scram, ...account } = await requireAccount(directory, username);
  const chosen = await choosePassword(values, terminal);
  const credentials = await deriveCredentials(chosen.password, { scram: values.scram ?? scram !== undefined });

  if ((await directory.replace({ ...account, ...credentials })) === 'absent') throw unknownUser(username);
  terminal.stdout.write(`user ${quoted(username)} has a new password\n${chosen.announcement}`);
}

async function list(args: string[], { stdout, stderr }: Terminal): Promise<void> {
  const { values } = parseOptions(args, flagsOf.list);
  const directory = await openAccountDirectory('users', values);
  if (values.reserve) {
    const { reserved, released } = await directory.reserveClientIds();
    stderr.write(`client ids and prefixes reserved: ${reserved}, released: ${released}\n`);
  }
  const accounts = [];
  for await (const page of directory.list()) accounts.push(...page);
  accounts.sort((one, other) => (one.username < other.username ? -1 : 1));
  if (values.json) stdout.write(`${JSON.stringify(accounts.map(publicAccount), undefined, 2)}\n`);
  else for (const { username } of accounts) stdout.write(`${printable(username)}\n`);
}

async function show(args: string[], { stdout }: Terminal): Promise<void> {
  const { username, values } = parseNameAndFlags('show', args, flagsOf.show);
  const account = await requireAccount(await openAccountDirectory('users', values), username);
  stdout.write(values.json ? `${JSON.stringify(publicAccount(account), undefined, 2)}\n` : describeAccount(account));
}

async function remove(args: string[], { stdout }: Terminal): Promise<void> {
  const { username, values } = parseNameAndFlags('remove', args, flagsOf.remove);
  const directory = await openAccountDirectory('users', values);
  if ((await directory.remove(username)) === 'absent') throw unknownUser(username);
  stdout.write(`user ${quoted(username)} removed\n`);
}

function parseNameAndFlags<F extends Flags>(verb: string, args: string[], flags: F) {
  const { values, positionals } = parseOptionsAndArguments(args, flags);
  const [username, ...rest] = positionals;
  if (username === undefined) throw new UsageError(`users ${verb} needs a user name`);
  if (rest.length > 0) throw new UsageError(`users ${verb} takes one name, not also "${rest[0]}"`);
  if (!canHaveAccount(username)) throw new UsageError('a user name has 1 to 256 bytes');
  return { username, values: values as ParsedValues<F> };
}
