import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { AccountDirectory } from '../../lambdas/access/accounts';
import { DynamoAccountDirectory } from '../../lambdas/storage/account-directory';
import { type Flags, UsageError } from '../command';
import type { ParsedValues } from '../parse-options';
import { localCloudClient, localCloudResources } from './local-cloud';
import { silenceSdkNodeWarning } from './sdk-warnings';

export const accountsTableHelp = `broker, one of:
  --table NAME         AccountsTable of the stack outputs; AWS_REGION, AWS_PROFILE and the other variables of the SDK
                       select the Region and the credentials
  --local [URL]        local cloud; default http://127.0.0.1:8080
`;

export const accountsTableFlags = {
  table: { type: 'string' },
  local: { type: 'string' },
} as const satisfies Flags;

/** Opens the accounts of the broker that the flags select. @throws UsageError unless exactly one flag is set. */
export async function openAccountDirectory(
  command: string,
  values: ParsedValues<typeof accountsTableFlags>,
): Promise<AccountDirectory> {
  const { client, table } = await openAccountsTable(command, values);
  return new DynamoAccountDirectory(client, table);
}

/** Name of the accounts table, and a client for it. */
interface OpenTable {
  readonly client: Sender;
  readonly table: string;
}

/**
 * Opens the accounts table that the flags select. Errors of its client tell an operator what to change.
 * @throws UsageError unless exactly one flag is set.
 */
export async function openAccountsTable(
  command: string,
  { table, local }: ParsedValues<typeof accountsTableFlags>,
): Promise<OpenTable> {
  if ((table === undefined) === (local === undefined)) {
    throw new UsageError(`${command} needs either --table, the AccountsTable of the stack outputs, or --local`);
  }
  silenceSdkNodeWarning();
  if (local !== undefined) return openLocal(local);
  return { client: withReadableErrors(new DynamoDBClient(), table!), table: table! };
}

async function openLocal(address: string): Promise<OpenTable> {
  const { dynamodb, tables } = await localCloudResources<LocalAccounts>(address);
  const client = new DynamoDBClient({ ...localCloudClient, endpoint: dynamodb });
  return { client: withReadableErrors(client, tables.accounts), table: tables.accounts };
}

/** Resources of the local cloud for accounts. */
interface LocalAccounts {
  readonly dynamodb: string;
  readonly tables: { readonly accounts: string };
}

type Sender = Pick<DynamoDBClient, 'send'>;

/** Wraps a client so that frequent errors of the SDK name their cause. */
function withReadableErrors(client: DynamoDBClient, table: string): Sender {
  const send = (command: Parameters<DynamoDBClient['send']>[0]) =>
    client.send(command).catch((error: Error) => {
      throw readableError(error, table);
    });
  return { send: send as Sender['send'] };
}

function readableError(error: Error, table: string): Error {
  const { name, message } = error;
  if (name === 'CredentialsProviderError') return new Error(`no AWS credentials found: ${message}`);
  if (message === 'Region is missing') return new Error('no AWS Region is set; set AWS_REGION');
  if (name === 'ResourceNotFoundException') return new Error(`no table "${table}" in this account and Region`);
  if (message.includes('does not match the schema')) return new Error(`"${table}" is not an accounts table`);
  return error;
}
