import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Bridge } from '../../lambdas/bridge/bridge-config';
import { readBridgeFile } from '../../lambdas/bridge/bridge-file';
import { DynamoRetainedStore } from '../../lambdas/storage/retained-store';
import { type Flags, UsageError } from '../command';
import type { ParsedValues } from '../parse-options';
import type { BridgeSides } from './bridge-sync';
import { localCloudClient, localCloudResources } from './local-cloud';
import { silenceSdkNodeWarning } from './sdk-warnings';

export const bridgeTargetHelp = `broker, either --local or all others, most of them from the stack outputs:
  --local [URL]        local cloud; default http://127.0.0.1:8080
  --table NAME         RetainedTable
  --out-queue URL      BridgeQueueUrl
  --in-queue URL       BridgeInQueueUrl
  --iot URL            IotEndpoint
  --bridge FILE        bridge file that the stack was deployed with
  --broker NAME        name of the broker; default cirrus-mqtt
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

/** Resources of the local cloud for a bridge. */
interface LocalBridge {
  readonly dynamodb: string;
  readonly sqs: string;
  readonly iot: string;
  readonly tables: { readonly retained: string };
  readonly queueUrls: { readonly bridge: string; readonly bridgeIn: string };
  readonly bridge?: Bridge;
}

/** Opens both sides of the bridge that the flags select. @throws UsageError if a flag is missing. */
export async function openBridge(values: Values): Promise<BridgeSides> {
  silenceSdkNodeWarning();
  return values.local === undefined ? openOnAws(values) : openLocally(values.local);
}

function openOnAws(values: Values): BridgeSides {
  const broker = values.broker ?? 'cirrus-mqtt';
  const iot = new IoTDataPlaneClient({ endpoint: requiredValue(values, 'iot') });
  return {
    bridge: { broker, ...readBridgeFile(requiredValue(values, 'bridge')) },
    outQueue: requiredValue(values, 'out-queue'),
    inQueue: requiredValue(values, 'in-queue'),
    retained: new DynamoRetainedStore(new DynamoDBClient(), requiredValue(values, 'table')),
    sqs: batchSender(new SQSClient()),
    iot,
  };
}

function requiredValue(values: Values, flag: Exclude<keyof Values, 'local'>): string {
  return values[flag] ?? missing(flag);
}

function missing(flag: string): never {
  throw new UsageError(`bridge sync needs --local or --${flag}`);
}

async function openLocally(address: string): Promise<BridgeSides> {
  const { dynamodb, sqs, iot, tables, queueUrls, bridge } = await localCloudResources<LocalBridge>(address);
  if (!bridge)
    throw new Error(`the local cloud at ${address} has no bridge; start it with "npm start -- --bridge FILE"`);
  return {
    bridge,
    outQueue: queueUrls.bridge,
    inQueue: queueUrls.bridgeIn,
    retained: new DynamoRetainedStore(new DynamoDBClient({ ...localCloudClient, endpoint: dynamodb }), tables.retained),
    sqs: batchSender(new SQSClient({ ...localCloudClient, endpoint: sqs })),
    iot: new IoTDataPlaneClient({ ...localCloudClient, endpoint: iot }),
  };
}

/** Adapts the SDK's client to the port of the bridge queue. */
function batchSender(queues: SQSClient): BridgeSides['sqs'] {
  return {
    sendMessageBatch: async ({ QueueUrl, Entries }) => {
      const { Failed = [] } = await queues.send(new SendMessageBatchCommand({ QueueUrl, Entries: [...Entries] }));
      return Failed.map(({ Id = '', Code = '' }) => ({ Id, Code }));
    },
  };
}
