import { DynamoDebugClients } from '../../lambdas/storage/debug-clients';
import { openTable, targetFlags, targetHelp, withLocalAddress } from '../admin/accounts-table';
import { quoted } from '../admin/describe-account';
import { type Command, type Flags, UsageError } from '../command';
import { parseOptions, wholeNumber } from '../parse-options';

const standardMinutes = 15;
const mostMinutes = 24 * 60;

const help = `usage: cirrus-mqtt debug CLIENT_ID [where] [--minutes N]
       cirrus-mqtt debug CLIENT_ID [where] --off

Lets the broker log a line for each packet of a client, in and out: its type, packet id, QoS, topic, sizes and reason
codes, never payloads or passwords. Containers notice within half a minute; nothing is deployed, nobody disconnected.

${targetHelp}
  --minutes N          for so long, ${standardMinutes} unless told otherwise, ${mostMinutes} at most
  --off                no longer
`;

const flags = { ...targetFlags, minutes: { type: 'string' }, off: { type: 'boolean' } } as const satisfies Flags;

/** `cirrus-mqtt debug`: makes a broker tell about one client. */
export const debugCommand: Command = {
  help,
  flags,
  async run(args, { stdout }) {
    const { values, positionals } = parseOptions(withLocalAddress(args), flags, true);
    const [clientId, ...rest] = positionals;
    if (clientId === undefined || clientId === '') throw new UsageError('debug needs a client id');
    if (rest.length > 0) throw new UsageError(`debug takes one client id, not also "${rest[0]}"`);
    if (values.off && values.minutes !== undefined) throw new UsageError('--off and --minutes exclude each other');
    const minutes = wholeNumber('--minutes', values.minutes ?? String(standardMinutes), 1, mostMinutes);
    const { client, table } = await openTable('debug', values);
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
    ? `packets of ${quoted(clientId)} are logged no longer\n`
    : `packets of ${quoted(clientId)} were not logged\n`;
}
