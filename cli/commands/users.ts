import { canHaveAccount } from '../../lambdas/access/accounts';
import { allowedTextRule, isAllowedText } from '../../lambdas/protocol/disallowed-characters';
import { accountFlags, accountHelp, readAccountOptions } from '../admin/account-options';
import {
  choosePassword,
  deriveCredentials,
  passwordFlags,
  passwordHelp,
  refusePasswordArgument,
} from '../admin/choose-password';
import { describeAccount, publicAccount, quoted, shown } from '../admin/describe-account';
import { existingAccount, noUser } from '../admin/existing-account';
import { openDirectory, targetFlags, targetHelp, withLocalAddress } from '../admin/open-directory';
import { type Command, type Flags, type Terminal, UsageError } from '../command';
import { type ParsedValues, parseOptions } from '../options';

const help = `usage: cirrus-mqtt users add NAME    [where] [password] [what it may do]
       cirrus-mqtt users passwd NAME [where] [password]
       cirrus-mqtt users list        [where] [--json] [--reserve]
       cirrus-mqtt users show NAME   [where] [--json]
       cirrus-mqtt users remove NAME [where]

Who may log in with a name and a password. A name has up to 256 bytes, and case counts.

${targetHelp}
${passwordHelp}
${accountHelp}
for list and show:
  --json               all but the hashes, as JSON
for list:
  --reserve            reserve the client ids of accounts that an earlier release has added, and release those of
                       accounts that are gone; needed once after an upgrade from a release that reserved none
`;

type Verb = (args: string[], terminal: Terminal) => Promise<void>;

const flagsOf = {
  add: { ...targetFlags, ...passwordFlags, ...accountFlags },
  passwd: { ...targetFlags, ...passwordFlags },
  list: { ...targetFlags, json: { type: 'boolean' }, reserve: { type: 'boolean' } },
  show: { ...targetFlags, json: { type: 'boolean' } },
  remove: targetFlags,
} as const satisfies Record<string, Flags>;

/** `cirrus-mqtt users`: the accounts of a broker, on AWS or in the local cloud. */
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
  const { username, values } = parseNamed('add', args, flagsOf.add);
  if (!isAllowedText(username)) throw new UsageError(`users add takes a name ${allowedTextRule}`);
  const options = await readAccountOptions(values);
  const directory = await openDirectory('users', values);
  const chosen = await choosePassword(values, terminal);
  const credentials = await deriveCredentials(chosen.password, values.scram ?? false);

  const result = await directory.create({ username, ...credentials, ...options });
  if (result === 'exists') {
    throw new Error(`there is a user ${quoted(username)} already; "users passwd" gives it another password`);
  }
  terminal.stdout.write(`user ${quoted(username)} added\n${chosen.announcement}`);
}

/** What logged in with the old password does so no more: SCRAM credentials are made anew as well. */
async function passwd(args: string[], terminal: Terminal): Promise<void> {
  const { username, values } = parseNamed('passwd', args, flagsOf.passwd);
  const directory = await openDirectory('users', values);
  const { passwordHash: _, scram, ...account } = await existingAccount(directory, username);
  const chosen = await choosePassword(values, terminal);
  const credentials = await deriveCredentials(chosen.password, values.scram ?? scram !== undefined);

  if ((await directory.replace({ ...account, ...credentials })) === 'absent') throw noUser(username);
  terminal.stdout.write(`user ${quoted(username)} has a new password\n${chosen.announcement}`);
}

async function list(args: string[], { stdout, stderr }: Terminal): Promise<void> {
  const { values } = parseOptions(args, flagsOf.list);
  const directory = await openDirectory('users', values);
  if (values.reserve) {
    const { reserved, released } = await directory.reserveClientIds();
    stderr.write(`client ids and prefixes reserved: ${reserved}, released: ${released}\n`);
  }
  const accounts = [];
  for await (const page of directory.list()) accounts.push(...page);
  accounts.sort((one, other) => (one.username < other.username ? -1 : 1));
  if (values.json) stdout.write(`${JSON.stringify(accounts.map(publicAccount), undefined, 2)}\n`);
  else for (const { username } of accounts) stdout.write(`${shown(username)}\n`);
}

async function show(args: string[], { stdout }: Terminal): Promise<void> {
  const { username, values } = parseNamed('show', args, flagsOf.show);
  const account = await existingAccount(await openDirectory('users', values), username);
  stdout.write(values.json ? `${JSON.stringify(publicAccount(account), undefined, 2)}\n` : describeAccount(account));
}

async function remove(args: string[], { stdout }: Terminal): Promise<void> {
  const { username, values } = parseNamed('remove', args, flagsOf.remove);
  const directory = await openDirectory('users', values);
  if ((await directory.remove(username)) === 'absent') throw noUser(username);
  stdout.write(`user ${quoted(username)} removed\n`);
}

function parseNamed<F extends Flags>(verb: string, args: string[], flags: F) {
  const { values, positionals } = parseOptions(args, flags, true);
  const [username, ...rest] = positionals;
  if (username === undefined) throw new UsageError(`users ${verb} needs the name of a user`);
  if (rest.length > 0) throw new UsageError(`users ${verb} takes one name, not also "${rest[0]}"`);
  if (!canHaveAccount(username)) throw new UsageError('the name of a user has 1 to 256 bytes');
  return { username, values: values as ParsedValues<F> };
}
