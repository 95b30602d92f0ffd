import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { AccountDirectory } from '../../lambdas/access/accounts';
import { DynamoAccountDirectory } from '../../lambdas/storage/account-directory';
import { type Flags, UsageError } from '../command';
import type { ParsedValues } from '../parse-options';

export const targetHelp = `where, one of:
  --table NAME         the table that "cdk deploy" printed as AccountsTable; AWS_REGION, AWS_PROFILE and the like
                       say in which Region and with which credentials
  --local [URL]        the local cloud, at http://127.0.0.1:8080
`;

export const targetFlags = {
  table: { type: 'string' },
  local: { type: 'string' },
} as const satisfies Flags;

const localAddress = 'http://127.0.0.1:8080';

/** Gives `--local` its address, which may be left out. */
export function withLocalAddress(args: string[]): string[] {
  const isAddress = (arg: string | undefined) => arg !== undefined && /^https?:\/\//.test(arg);
  return args.flatMap((arg, index) => {
    if (arg === '--local') return [`--local=${isAddress(args[index + 1]) ? args[index + 1] : localAddress}`];
    return isAddress(arg) && args[index - 1] === '--local' ? [] : [arg];
  });
}

/** The accounts of the broker that the flags of a command name. */
export async function openDirectory(
  command: string,
  values: ParsedValues<typeof targetFlags>,
): Promise<AccountDirectory> {
  const { client, table } = await openTable(command, values);
  return new DynamoAccountDirectory(client, table);
}

/** A table of accounts and who asks it. */
interface OpenTable {
  readonly client: Sender;
  readonly table: string;
}

/** The table that the flags of a command name. What it throws says what an operator can do about it. */
export async function openTable(
  command: string,
  { table, local }: ParsedValues<typeof targetFlags>,
): Promise<OpenTable> {
  if ((table === undefined) === (local === undefined)) {
    const either = '--table, with the AccountsTable that "cdk deploy" printed, or --local';
    throw new UsageError(`${command} needs either ${either}`);
  }
  // The SDK warns of versions of Node that its next ones will not take; an operator can do nothing about it.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  if (local !== undefined) return openLocal(local);
  return { client: explaining(new DynamoDBClient(), table!), table: table! };
}

/** The local cloud takes these credentials. */
async function openLocal(address: string): Promise<OpenTable> {
  const { dynamodb, tables } = await resourcesAt(address);
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDBClient({ endpoint: dynamodb, region: 'us-east-1', credentials });
  return { client: explaining(client, tables.accounts), table: tables.accounts };
}

/** What the local cloud tells of itself; of the access configuration, whatever it says. */
interface LocalResources {
  readonly dynamodb: string;
  readonly tables: { readonly accounts: string };
  readonly access: unknown;
}

/** What the local cloud tells of itself, as far as a command needs it. */
export async function resourcesAt<Resources = LocalResources>(address: string): Promise<Resources> {
  try {
    const response = await fetch(new URL('/resources', address));
    if (response.ok) return (await response.json()) as Resources;
  } catch {
    // Nobody is there, or somebody else.
  }
  throw new Error(`no local cloud answers at ${address}; "npm start" starts one`);
}

type Sender = Pick<DynamoDBClient, 'send'>;

/** The client, with errors in words where the SDK's say too little. */
function explaining(client: DynamoDBClient, table: string): Sender {
  const send = (command: Parameters<DynamoDBClient['send']>[0]) =>
    client.send(command).catch((error: Error) => {
      throw explained(error, table);
    });
  return { send: send as Sender['send'] };
}

function explained(error: Error, table: string): Error {
  const { name, message } = error;
  if (name === 'CredentialsProviderError') return new Error(`there are no AWS credentials: ${message}`);
  if (message === 'Region is missing') return new Error('there is no AWS Region; AWS_REGION names one');
  if (name === 'ResourceNotFoundException') return new Error(`there is no table "${table}" in this account and Region`);
  if (message.includes('does not match the schema')) return new Error(`"${table}" is not a table of accounts`);
  return error;
}
