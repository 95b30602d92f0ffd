import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Bridge } from '../../lambdas/bridge/bridge-config';
import { readBridgeFile } from '../../lambdas/bridge/bridge-file';
import { DynamoRetainedStore } from '../../lambdas/storage/retained-store';
import { type Flags, UsageError } from '../command';
import type { ParsedValues } from '../options';
import type { BridgeSides } from './bridge-sync';
import { resourcesAt } from './open-directory';

export const bridgeTargetHelp = `where, either the local cloud or all that "cdk deploy" printed:
  --local [URL]        the local cloud, at http://127.0.0.1:8080
  --table NAME         RetainedTable
  --out-queue URL      BridgeQueueUrl
  --in-queue URL       BridgeInQueueUrl
  --iot URL            IotEndpoint
  --bridge FILE        the bridge as the stack has it
  --broker NAME        the broker's name, cirrus-mqtt by default
`;

export const bridgeTargetFlags = {
  local: { type: 'string' },
  table: { type: 'string' },
  'out-queue': { type: 'string' },
  'in-queue': { type: 'string' },
  iot: { type: 'string' },
  bridge: { type: 'string' },
  broker: { type: 'string' },
} as const satisfies Flags;

type Values = ParsedValues<typeof bridgeTargetFlags>;

/** What the local cloud tells of itself. */
interface LocalResources {
  readonly dynamodb: string;
  readonly sqs: string;
  readonly iot: string;
  readonly tables: { readonly retained: string };
  readonly queueUrls: { readonly bridge: string; readonly bridgeIn: string };
  readonly bridge?: Bridge;
}

/** Both sides of the bridge that the flags of a command name. */
export async function openBridge(values: Values): Promise<BridgeSides> {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  return values.local === undefined ? openOnAws(values) : openLocally(values.local);
}

function openOnAws(values: Values): BridgeSides {
  const broker = values.broker ?? 'cirrus-mqtt';
  const iot = new IoTDataPlaneClient({ endpoint: needed(values, 'iot') });
  return {
    bridge: { broker, ...readBridgeFile(needed(values, 'bridge')) },
    outQueue: needed(values, 'out-queue'),
    inQueue: needed(values, 'in-queue'),
    ...sides(new DynamoDBClient(), needed(values, 'table'), new SQSClient(), iot),
  };
}

function needed(values: Values, flag: Exclude<keyof Values, 'local'>): string {
  return values[flag] ?? missing(flag);
}

function missing(flag: string): never {
  throw new UsageError(`bridge sync needs --local or --${flag}`);
}

/** The local cloud takes any credentials. */
async function openLocally(address: string): Promise<BridgeSides> {
  const { dynamodb, sqs, iot, tables, queueUrls, bridge } = await resourcesAt<LocalResources>(address);
  if (!bridge)
    throw new Error(`the local cloud at ${address} has no bridge; "npm start -- --bridge FILE" gives it one`);
  const shared = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
  return {
    bridge,
    outQueue: queueUrls.bridge,
    inQueue: queueUrls.bridgeIn,
    ...sides(
      new DynamoDBClient({ ...shared, endpoint: dynamodb }),
      tables.retained,
      new SQSClient({ ...shared, endpoint: sqs }),
      new IoTDataPlaneClient({ ...shared, endpoint: iot }),
    ),
  };
}

function sides(dynamodb: DynamoDBClient, table: string, queues: SQSClient, iot: IoTDataPlaneClient) {
  const sqs: BridgeSides['sqs'] = {
    sendMessageBatch: async ({ QueueUrl, Entries }) => {
      const { Failed = [] } = await queues.send(new SendMessageBatchCommand({ QueueUrl, Entries: [...Entries] }));
      return Failed.map(({ Id = '', Code = '' }) => ({ Id, Code }));
    },
  };
  return { retained: new DynamoRetainedStore(dynamodb, table), sqs, iot };
}
