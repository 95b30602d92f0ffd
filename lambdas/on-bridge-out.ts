import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { toRemoteMessage } from './transport/bridge-queue';
import { byGroup } from './transport/by-group';
import { log } from './wiring/environment';
import { forwarderFromEnvironment } from './wiring/forwarder-from-env';

const forwarder = forwarderFromEnvironment(process.env);

/** Consumes the bridge queue: publishes messages to AWS IoT Core, those of a topic in order. */
export function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  return byGroup(event, {
    process: (record) => forwarder.forward(toRemoteMessage(record)),
    onError: (error) => log('bridge failed', { error: String(error), stack: error.stack ?? '' }),
  });
}
