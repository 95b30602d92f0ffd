import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { Broker } from './broker/turn/broker';
import { settingsFromEnvironment } from './settings';
import { byGroup } from './transport/by-group';
import { toFanOutJob } from './transport/fan-out-queue';
import { isRedelivered } from './transport/gateway-event';
import { portsFromEnvironment } from './wiring/ports-from-env';

const ports = portsFromEnvironment(process.env);
const broker = new Broker(ports, settingsFromEnvironment(process.env));

/** Consumes the fan-out queue. Its message groups are shards. */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const response = await byGroup(event, {
    process: (record) => broker.fanOut(toFanOutJob(record), { redelivered: isRedelivered(record) }),
    onError: (error) => ports.log('fan-out failed', { error: String(error), stack: error.stack ?? '' }),
  });
  ports.metrics.write();
  return response;
}
