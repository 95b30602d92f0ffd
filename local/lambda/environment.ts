import type { AccessConfig } from '../../lambdas/access/access-config';
import type { BridgeConfig } from '../../lambdas/bridge/bridge-config';
import { packBridge } from '../../lambdas/bridge/read-bridge';
import {
  accessVariable,
  bridgeVariable,
  brokerVariable,
  callbackVariable,
  eventsVariable,
  type FunctionName,
  type FunctionSpec,
  iotEndpointVariable,
  type QueueName,
  queues,
} from '../../lambdas/deployment';
import type { EventConfig } from '../../lambdas/events/event-config';
import { type Settings, settingVariables } from '../../lambdas/settings';
import { tableVariable } from '../../lambdas/storage/schema';
import { callerOf } from '../aws-call';

export interface Endpoints {
  readonly callback: string;
  readonly sqs: string;
  readonly dynamodb: string;
  /** Data plane of AWS IoT Core. */
  readonly iot: string;
  readonly events: string;
}

/** Configuration of the cloud that functions get through their environment. */
export interface CloudEnvironment {
  readonly endpoints: Endpoints;
  readonly settings: Settings;
  readonly access: AccessConfig;
  /** Includes the name with which the broker marks its own messages. */
  readonly bridge: (BridgeConfig & { readonly broker: string }) | undefined;
  readonly events: EventConfig | undefined;
}

/** Prefix of the deployed name of a table; the name in the schema follows. */
export const tablePrefix = 'cirrus-';

/** Returns the deployed name of a queue; AWS requires the suffix of FIFO queues. */
export function deployedQueueName(queue: QueueName): string {
  return queues[queue].fifo ? `${queue}.fifo` : queue;
}

export function queueUrl({ sqs }: Endpoints, queue: QueueName): string {
  return `${sqs}/000000000000/${deployedQueueName(queue)}`;
}

/** Returns all environment variables of a container for its granted tables, queues and parts. */
export function environmentOf(
  name: FunctionName,
  spec: FunctionSpec,
  surroundings: CloudEnvironment,
): Record<string, string> {
  const { access, bridge, events } = surroundings;
  return {
    ...addressesOf(name, spec, surroundings),
    ...settingVariables(surroundings.settings),
    [brokerVariable]: 'local',
    ...(spec.access && { [accessVariable]: JSON.stringify(access) }),
    ...(spec.bridge && bridge && { [bridgeVariable]: packBridge(bridge) }),
    ...(spec.events && events && { [eventsVariable]: JSON.stringify(events) }),
  };
}

function addressesOf(
  name: FunctionName,
  { reads, writes, sendsTo }: FunctionSpec,
  { endpoints }: CloudEnvironment,
): Record<string, string> {
  const environment: Record<string, string> = {
    AWS_REGION: 'us-east-1',
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    [iotEndpointVariable]: endpoints.iot,
    AWS_ENDPOINT_URL_EVENTBRIDGE: endpoints.events,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    [callbackVariable]: endpoints.callback,
  };
  for (const table of [...reads, ...writes]) environment[tableVariable(table)] = tablePrefix + table;
  for (const queue of sendsTo) {
    environment[queues[queue].variable] = queueUrl(endpoints, queue);
  }
  return environment;
}

/** Returns the credentials of one container, by which its calls are attributed. */
export function credentialsOf(name: FunctionName, number: number): Record<string, string> {
  return { AWS_ACCESS_KEY_ID: callerOf(name, number) };
}
