import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { Broker } from './broker/broker';
import { settingsFromEnvironment } from './settings';
import { isRedelivered } from './transport/gateway-event';
import { toFanOutJob } from './transport/queues';
import { portsFromEnvironment } from './wiring/ports-from-env';

const ports = portsFromEnvironment(process.env);
const broker = new Broker(ports, settingsFromEnvironment(process.env));

/** Consumes the fan-out queue: shards side by side, the jobs of a shard in order, none past one that failed. */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const shards = new Map<string, SQSRecord[]>();
  for (const record of event.Records) {
    const shard = record.attributes.MessageGroupId ?? '';
    shards.set(shard, [...(shards.get(shard) ?? []), record]);
  }
  const failed = await Promise.all([...shards.values()].map(workOff));
  return { batchItemFailures: failed.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

/** Returns the records to be delivered again. */
async function workOff(records: SQSRecord[]): Promise<SQSRecord[]> {
  for (const [index, record] of records.entries()) {
    try {
      await broker.fanOut(toFanOutJob(record), isRedelivered(record));
    } catch (error) {
      ports.log('fan-out failed', { error: String(error), stack: (error as Error).stack ?? '' });
      return records.slice(index);
    }
  }
  return [];
}
