import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { incoming, type RuleEvent } from './bridge/incoming';
import { Broker } from './broker/turn/broker';
import { settingsFromEnvironment } from './settings';
import { isQueued, toRuleEvent } from './transport/bridge-event';
import { bridgeIn } from './wiring/bridge';
import { portsFromEnvironment } from './wiring/ports-from-env';

const settings = settingsFromEnvironment(process.env);
const ports = portsFromEnvironment(process.env);
const broker = new Broker(ports, settings);
const bridge = bridgeIn(process.env);

/** Publishes messages of AWS IoT Core. A rule invokes it asynchronously, so Lambda repeats an invocation that fails; the queue sends batches. */
export async function handler(event: RuleEvent | SQSEvent): Promise<SQSBatchResponse | undefined> {
  if (!isQueued(event)) {
    await publish(event);
    ports.metrics.write();
    return undefined;
  }
  const failed = await Promise.all(event.Records.map(publishQueued));
  ports.metrics.write();
  return { batchItemFailures: failed.flat() };
}

async function publishQueued(record: SQSRecord): Promise<{ itemIdentifier: string }[]> {
  try {
    await publish(toRuleEvent(record));
    return [];
  } catch (error) {
    ports.log('bridge failed', { error: String(error), stack: (error as Error).stack ?? '' });
    return [{ itemIdentifier: record.messageId }];
  }
}

async function publish(event: RuleEvent): Promise<void> {
  const { messages, refused } = incoming(event, bridge, settings.maxPacketSize);
  const { topic, id } = event;
  if (refused !== undefined) ports.log('bridge refused', { direction: 'in', topic, reason: refused });
  if (messages.length > 0) await broker.publish(messages.map((message, index) => ({ id: `${id}#${index}`, message })));
}
