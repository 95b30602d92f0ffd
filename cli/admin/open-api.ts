import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BrokerApi } from '../../clients/api';
import { type Flags, UsageError } from '../command';
import type { ParsedValues } from '../parse-options';
import { localCloudClient } from './local-cloud';
import { silenceSdkNodeWarning } from './sdk-warnings';

export const apiHelp = `broker, one of:
  --api URL            ApiUrl of the stack outputs; AWS_PROFILE and the other variables of the SDK select the
                       credentials
  --local [URL]        local cloud; default http://127.0.0.1:8080
`;

export const apiFlags = {
  api: { type: 'string' },
  local: { type: 'string' },
} as const satisfies Flags;

/** Opens the API of the broker that the flags select. @throws UsageError unless exactly one flag is set. */
export function openApi(command: string, { api, local }: ParsedValues<typeof apiFlags>): BrokerApi {
  if ((api === undefined) === (local === undefined)) {
    throw new UsageError(`${command} needs either --api, the ApiUrl of the stack outputs, or --local`);
  }
  const address = api ?? `${local?.replace(/\/$/, '')}/api`;
  if (!URL.canParse(address)) throw new UsageError(`"${address}" is not a valid URL`);
  if (local !== undefined) return new BrokerApi({ url: address, ...localCloudClient });
  silenceSdkNodeWarning();
  // The client is only used for the SDK's default chain of credential providers.
  const { credentials } = new DynamoDBClient({ region: 'us-east-1' }).config;
  return new BrokerApi({ url: address, credentials });
}
