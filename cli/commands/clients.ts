import type { ApiClient, ApiClientDetails } from '../../clients/api';
import { countAccountUsage, describeUsage } from '../admin/account-usage';
import { withLocalAddress } from '../admin/local-cloud';
import { apiFlags, apiHelp, openApi } from '../admin/open-api';
import { type Command, type Flags, type Terminal, UsageError } from '../command';
import { type ParsedValues, parseOptions, parseOptionsAndArguments } from '../parse-options';
import { printable, quoted } from '../terminal-text';

const help = `usage: cirrus-mqtt clients list          [broker] [--json]
       cirrus-mqtt clients accounts      [broker] [--json]
       cirrus-mqtt clients show ID       [broker] [--json]
       cirrus-mqtt clients disconnect ID [broker] [--discard-will] [--remove-session]

Lists the clients that are connected or have a session, counts the sessions and connections of each account, shows or
disconnects one client.

${apiHelp}
for list, accounts and show:
  --json               print all details as JSON; list and accounts print one line for each entry

for disconnect:
  --discard-will       do not publish the will message
  --remove-session     remove the session with its subscriptions and queued messages, even if the client is offline
`;

type Verb = (args: string[], terminal: Terminal) => Promise<void>;

const flagsOf = {
  list: { ...apiFlags, json: { type: 'boolean' } },
  accounts: { ...apiFlags, json: { type: 'boolean' } },
  show: { ...apiFlags, json: { type: 'boolean' } },
  disconnect: { ...apiFlags, 'discard-will': { type: 'boolean' }, 'remove-session': { type: 'boolean' } },
} as const satisfies Record<string, Flags>;

/** `cirrus-mqtt clients`: lists, shows and disconnects clients, on AWS or in the local cloud. */
export const clientsCommand: Command = {
  help,
  verbs: flagsOf,
  async run([verb = '', ...args], terminal) {
    const perform = Object.hasOwn(verbs, verb) ? verbs[verb as keyof typeof verbs] : undefined;
    if (!perform) throw new UsageError(`clients takes ${Object.keys(verbs).join(', ')}, not "${verb}"`);
    await perform(withLocalAddress(args), terminal);
    return 0;
  },
};

const verbs = { list, accounts, show, disconnect } satisfies Record<string, Verb>;

async function list(args: string[], { stdout }: Terminal): Promise<void> {
  const { values } = parseOptions(args, flagsOf.list);
  for await (const client of openApi('clients', values).clients({ limit: 500 })) {
    stdout.write(values.json ? `${JSON.stringify(client)}\n` : `${describeClient(client)}\n`);
  }
}

async function accounts(args: string[], { stdout }: Terminal): Promise<void> {
  const { values } = parseOptions(args, flagsOf.accounts);
  for (const usage of await countAccountUsage(openApi('clients', values).clients({ limit: 500 }))) {
    stdout.write(values.json ? `${JSON.stringify(usage)}\n` : `${describeUsage(usage)}\n`);
  }
}

async function show(args: string[], { stdout }: Terminal): Promise<void> {
  const { id, values } = parseClientIdAndFlags('show', args, flagsOf.show);
  const client = await openApi('clients', values).client(id);
  stdout.write(values.json ? `${JSON.stringify(client, undefined, 2)}\n` : describeDetails(client));
}

async function disconnect(args: string[], { stdout }: Terminal): Promise<void> {
  const { id, values } = parseClientIdAndFlags('disconnect', args, flagsOf.disconnect);
  const { connected } = await openApi('clients', values).disconnect(id, {
    will: values['discard-will'] ? 'discard' : 'publish',
    session: values['remove-session'] ? 'remove' : 'keep',
  });
  stdout.write(`client ${quoted(id)} ${connected ? 'is being disconnected' : 'was not connected'}\n`);
}

function parseClientIdAndFlags<F extends Flags>(verb: string, args: string[], flags: F) {
  const { values, positionals } = parseOptionsAndArguments(args, flags);
  const [id, ...rest] = positionals;
  if (id === undefined) throw new UsageError(`clients ${verb} needs a client id`);
  if (rest.length > 0) throw new UsageError(`clients ${verb} takes one client id, not also "${rest[0]}"`);
  return { id, values: values as ParsedValues<F> };
}

/** Formats a client as one line: state, time of the last change, client id and user. */
function describeClient({ clientId, connected, since = '-', identity, over }: ApiClient): string {
  const user = printable(identity.username ?? identity.kind);
  return `${connected ? 'connected' : over ? 'over     ' : 'away     '} ${since.padEnd(24)} ${printable(clientId)} (${user})`;
}

function describeDetails(client: ApiClientDetails): string {
  const { clientId, connected, since, version, identity, source, keepAlive, queued, subscriptions } = client;
  const filters = subscriptions.map(
    ({ share, filter, qos }) =>
      `${share === undefined ? '' : `$share/${printable(share)}/`}${printable(filter)} at QoS ${qos}`,
  );
  const [first = 'none', ...others] = filters;
  return [
    `client         ${printable(clientId)}`,
    `state          ${connected ? 'connected' : 'away'}${since ? ` since ${since}` : ''}`,
    `protocol       MQTT ${{ 3: '3.1', 4: '3.1.1', 5: '5.0' }[version]}`,
    `identity       ${identity.kind}${identity.username === undefined ? '' : ` ${printable(identity.username)}`}`,
    ...(source ? [`from           ${source.address}`] : []),
    ...(keepAlive === undefined ? [] : [`keep-alive     ${keepAlive === 0 ? 'off' : `${keepAlive} s`}`]),
    `session        ${describeSession(client)}`,
    `queued         ${queued}`,
    `subscriptions  ${first}`,
    ...others.map((filter) => `               ${filter}`),
    '',
  ].join('\n');
}

function describeSession({ over, persistent, sessionEndsAt, sessionExpiryInterval }: ApiClientDetails): string {
  if (over) return 'has expired and is about to be removed';
  if (!persistent) return 'ends with the connection';
  if (sessionEndsAt !== undefined) return `ends at ${sessionEndsAt}`;
  if (sessionExpiryInterval === undefined || sessionExpiryInterval === 0xffff_ffff) return 'never ends';
  return `outlives the connection by ${sessionExpiryInterval} s`;
}
