import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BrokerApi } from '../../clients/api';
import { type Flags, UsageError } from '../command';
import type { ParsedValues } from '../parse-options';

export const apiHelp = `where, one of:
  --api URL            what "cdk deploy" printed as ApiUrl; AWS_PROFILE and the like say with which credentials
  --local [URL]        the local cloud, at http://127.0.0.1:8080
`;

export const apiFlags = {
  api: { type: 'string' },
  local: { type: 'string' },
} as const satisfies Flags;

/** The API of the broker that the flags of a command name. */
export function openApi(command: string, { api, local }: ParsedValues<typeof apiFlags>): BrokerApi {
  if ((api === undefined) === (local === undefined)) {
    throw new UsageError(`${command} needs either --api, with the ApiUrl that "cdk deploy" printed, or --local`);
  }
  const address = api ?? `${local?.replace(/\/$/, '')}/api`;
  if (!URL.canParse(address)) throw new UsageError(`"${address}" is not the address of an API`);
  if (local !== undefined) return new BrokerApi({ url: address, region: 'us-east-1', credentials: localKeys });
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  // The SDK looks for credentials wherever its users keep them; any of its clients tells what it has found.
  const { credentials } = new DynamoDBClient({ region: 'us-east-1' }).config;
  return new BrokerApi({ url: address, credentials });
}

const localKeys = { accessKeyId: 'local', secretAccessKey: 'local' };
