import { DynamoDebugClients } from '../../lambdas/storage/debug-clients';
import { accountsTableFlags, accountsTableHelp, openAccountsTable } from '../admin/accounts-table';
import { withLocalAddress } from '../admin/local-cloud';
import { type Command, type Flags, UsageError } from '../command';
import { wholeNumber } from '../flag-values';
import { parseOptionsAndArguments } from '../parse-options';
import { quoted } from '../terminal-text';

const defaultMinutes = 15;
const maxMinutes = 24 * 60;

const help = `usage: cirrus-mqtt debug CLIENT_ID [broker] [--minutes N]
       cirrus-mqtt debug CLIENT_ID [broker] --off

Lets the broker log each packet from and to a client: type, packet id, QoS, topic, sizes and reason codes, but no
payloads and passwords. Takes effect within 30 seconds, without a deployment and without a disconnect.

${accountsTableHelp}
  --minutes N          minutes until the log ends by itself, 1 to ${maxMinutes}; default ${defaultMinutes}
  --off                end the log now
`;

const flags = { ...accountsTableFlags, minutes: { type: 'string' }, off: { type: 'boolean' } } as const satisfies Flags;

/** `cirrus-mqtt debug`: switches the packet log of one client on or off. */
export const debugCommand: Command = {
  help,
  flags,
  async run(args, { stdout }) {
    const { values, positionals } = parseOptionsAndArguments(withLocalAddress(args), flags);
    const [clientId, ...rest] = positionals;
    if (clientId === undefined || clientId === '') throw new UsageError('debug needs a client id');
    if (rest.length > 0) throw new UsageError(`debug takes one client id, not also "${rest[0]}"`);
    if (values.off && values.minutes !== undefined) throw new UsageError('--off and --minutes exclude each other');
    const minutes = wholeNumber('--minutes', values.minutes ?? String(defaultMinutes), { min: 1, max: maxMinutes });
    const { client, table } = await openAccountsTable('debug', values);
    const list = new DynamoDebugClients(client, table);
    stdout.write(values.off ? await switchOff(list, clientId) : await switchOn(list, clientId, minutes));
    return 0;
  },
};

async function switchOn(list: DynamoDebugClients, clientId: string, minutes: number): Promise<string> {
  const until = Date.now() + minutes * 60_000;
  await list.add(clientId, until);
  return `packets of ${quoted(clientId)} are logged until ${new Date(until).toISOString()}\n`;
}

async function switchOff(list: DynamoDebugClients, clientId: string): Promise<string> {
  const removed = await list.remove(clientId);
  return removed === 'removed'
    ? `packets of ${quoted(clientId)} are no longer logged\n`
    : `packets of ${quoted(clientId)} were not logged\n`;
}
