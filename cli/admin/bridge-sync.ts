import { randomUUID } from 'node:crypto';
import {
  GetRetainedMessageCommand,
  type IoTDataPlaneClient,
  ListRetainedMessagesCommand,
} from '@aws-sdk/client-iot-data-plane';
import type { Sqs } from '../../lambdas/aws/sqs';
import { type Bridge, isIncoming, isOutgoing, localFilter, remoteFilter } from '../../lambdas/bridge/bridge-config';
import { incoming, type RuleEvent } from '../../lambdas/bridge/incoming';
import { outwards } from '../../lambdas/bridge/mapping';
import type { RetainedStore } from '../../lambdas/broker/ports/retained-store';
import type { Message } from '../../lambdas/protocol/effects';
import { SqsBridgeQueue } from '../../lambdas/transport/bridge-queue';

/** Access to both sides of a bridge, with the permissions of an operator. */
export interface BridgeSides {
  readonly bridge: Bridge;
  readonly retained: Pick<RetainedStore, 'match'>;
  readonly sqs: Pick<Sqs, 'sendMessageBatch'>;
  /** URL of the queue `bridge`. */
  readonly outQueue: string;
  /** URL of the queue `bridgeIn`. */
  readonly inQueue: string;
  readonly iot: Pick<IoTDataPlaneClient, 'send'>;
}

/**
 * Sends the retained messages of this broker to AWS IoT Core, through the queue of the bridge. Messages that came from AWS
 * IoT Core are not sent back. Returns the number of messages.
 */
export async function syncOut({ bridge, retained, sqs, outQueue }: BridgeSides): Promise<number> {
  const entries = bridge.entries.filter((entry) => isOutgoing(entry) && entry.retain);
  const found = (await Promise.all(entries.map((entry) => retained.match(localFilter(entry))))).flat();
  const messages = found.map(({ message }) => message).filter(({ origin }) => origin === undefined);
  const byTopic = new Map(messages.map((message) => [message.topic, message]));
  const crossing = [...byTopic.values()].filter((message) => outwards(entries, message).length > 0);
  await new SqsBridgeQueue(sqs, outQueue, entries).forward(crossing.map(withId));
  return crossing.length;
}

/**
 * Sends the retained messages of AWS IoT Core to this broker, through the queue that `on-bridge-in` reads. Calls `onSent`
 * with the number of messages so far, and returns the total.
 */
export async function syncIn(sides: BridgeSides, onSent: (count: number) => void = () => undefined): Promise<number> {
  let count = 0;
  for await (const topics of retainedTopics(sides)) {
    const events = (await Promise.all(topics.map((topic) => ruleEventsFor(sides, topic)))).flat();
    for (const event of events) {
      await send(sides, event);
      count += 1;
      onSent(count);
    }
  }
  return count;
}

function withId(message: Message) {
  return { id: `sync#${randomUUID()}`, message };
}

async function* retainedTopics({ iot }: BridgeSides): AsyncIterable<string[]> {
  let nextToken: string | undefined;
  do {
    const page = await iot.send(new ListRetainedMessagesCommand({ maxResults: 200, nextToken }));
    yield (page.retainedTopics ?? []).flatMap(({ topic }) => topic ?? []);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
}

/**
 * Creates the events that the IoT rules would send for a retained message: one for each filter of an entry that takes the
 * message. Fetches the payload only if there is such an entry.
 */
async function ruleEventsFor({ bridge, iot }: BridgeSides, topic: string): Promise<RuleEvent[]> {
  const entries = bridge.entries.filter((entry) => isIncoming(entry) && entry.retain);
  const filters = [...new Set(entries.map(remoteFilter))];
  const isAccepted = (event: RuleEvent) =>
    incoming(event, { ...bridge, entries }, Number.POSITIVE_INFINITY).messages.length > 0;
  const events = filters.map((ruleFilter) => ({ topic, ruleFilter, id: randomUUID(), payload: '' }));
  if (!events.some(isAccepted)) return [];
  const { payload = [], userProperties } = await iot.send(new GetRetainedMessageCommand({ topic }));
  const content = {
    payload: Buffer.from(payload).toString('base64'),
    ...(userProperties && { userProperties: JSON.parse(Buffer.from(userProperties).toString()) }),
  };
  return events.map((event) => ({ ...event, ...content })).filter(isAccepted);
}

async function send({ sqs, inQueue }: BridgeSides, event: RuleEvent): Promise<void> {
  const entry = { Id: '0', MessageBody: JSON.stringify(event) };
  const [failed] = await sqs.sendMessageBatch({ QueueUrl: inQueue, Entries: [entry] });
  if (failed) throw new Error(`the message of ${event.topic} was not queued: ${failed.Code}`);
}
