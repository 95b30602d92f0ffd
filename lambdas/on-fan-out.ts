import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { Broker } from './broker/turn/broker';
import { settingsFromEnvironment } from './settings';
import { byGroup } from './transport/by-group';
import { isRedelivered } from './transport/gateway-event';
import { toFanOutJob } from './transport/queues';
import { portsFromEnvironment } from './wiring/ports-from-env';

const ports = portsFromEnvironment(process.env);
const broker = new Broker(ports, settingsFromEnvironment(process.env));

/** Consumes the fan-out queue, whose groups are shards. */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const response = await byGroup(event, {
    work: (record) => broker.fanOut(toFanOutJob(record), { redelivered: isRedelivered(record) }),
    failed: (error) => ports.log('fan-out failed', { error: String(error), stack: error.stack ?? '' }),
  });
  ports.metrics.write();
  return response;
}
