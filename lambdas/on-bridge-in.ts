import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { type RuleEvent, readRuleEvent } from './bridge/rule-event';
import { Broker } from './broker/turn/broker';
import { settingsFromEnvironment } from './settings';
import { isQueued, toRuleEvent } from './transport/bridge-event';
import { bridgeIn } from './wiring/bridge';
import { portsFromEnvironment } from './wiring/ports-from-env';

const settings = settingsFromEnvironment(process.env);
const ports = portsFromEnvironment(process.env);
const broker = new Broker(ports, settings);
const bridge = bridgeIn(process.env);

/** Takes a message from a rule of AWS IoT Core, whose failure makes Lambda try again; or a batch of them from the queue. */
export async function handler(event: RuleEvent | SQSEvent): Promise<SQSBatchResponse | undefined> {
  if (!isQueued(event)) {
    await takeIn(event);
    ports.metrics.write();
    return undefined;
  }
  const failed = await Promise.all(event.Records.map(takeInQueued));
  ports.metrics.write();
  return { batchItemFailures: failed.flat() };
}

async function takeInQueued(record: SQSRecord): Promise<{ itemIdentifier: string }[]> {
  try {
    await takeIn(toRuleEvent(record));
    return [];
  } catch (error) {
    ports.log('bridge failed', { error: String(error), stack: (error as Error).stack ?? '' });
    return [{ itemIdentifier: record.messageId }];
  }
}

async function takeIn(event: RuleEvent): Promise<void> {
  const { messages, refused } = readRuleEvent(event, bridge, settings.maxPacketSize);
  const { topic, id } = event;
  if (refused !== undefined) ports.log('bridge refused', { direction: 'in', topic, reason: refused });
  if (messages.length > 0) await broker.publish(messages.map((message, index) => ({ id: `${id}#${index}`, message })));
}
