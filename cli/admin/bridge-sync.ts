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

/** Both sides of a bridge, as an operator reaches them. */
export interface BridgeSides {
  readonly bridge: Bridge;
  readonly retained: Pick<RetainedStore, 'match'>;
  readonly sqs: Pick<Sqs, 'sendMessageBatch'>;
  /** Addresses of the queues. */
  readonly outQueue: string;
  readonly inQueue: string;
  readonly iot: Pick<IoTDataPlaneClient, 'send'>;
}

/** Sends what is retained here to AWS IoT Core, through the bridge's own queue; returns how many messages. */
export async function syncOut({ bridge, retained, sqs, outQueue }: BridgeSides): Promise<number> {
  const entries = bridge.entries.filter((entry) => isOutgoing(entry) && entry.retain);
  const found = (await Promise.all(entries.map((entry) => retained.match(localFilter(entry))))).flat();
  const messages = found.map(({ message }) => message).filter(({ origin }) => origin === undefined);
  const byTopic = new Map(messages.map((message) => [message.topic, message]));
  const crossing = [...byTopic.values()].filter((message) => outwards(entries, message).length > 0);
  await new SqsBridgeQueue(sqs, outQueue, entries).forward(crossing.map(identified));
  return crossing.length;
}

/**
 * Fetches what is retained at AWS IoT Core; the function for what comes in takes it from a queue. Returns how many messages;
 * `onSent` is told how many there are so far.
 */
export async function syncIn(sides: BridgeSides, onSent: (count: number) => void = () => undefined): Promise<number> {
  let count = 0;
  for await (const topics of retainedTopics(sides)) {
    const events = (await Promise.all(topics.map((topic) => eventsFor(sides, topic)))).flat();
    for (const event of events) {
      await send(sides, event);
      count += 1;
      onSent(count);
    }
  }
  return count;
}

function identified(message: Message) {
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

/** As a rule would tell them, for each of the filters that has entries for the topic. */
async function eventsFor({ bridge, iot }: BridgeSides, topic: string): Promise<RuleEvent[]> {
  const entries = bridge.entries.filter((entry) => isIncoming(entry) && entry.retain);
  const filters = [...new Set(entries.map(remoteFilter))];
  const takes = (event: RuleEvent) =>
    incoming(event, { ...bridge, entries }, Number.POSITIVE_INFINITY).messages.length > 0;
  const bare = filters.map((ruleFilter) => ({ topic, ruleFilter, id: randomUUID(), payload: '' }));
  if (!bare.some(takes)) return [];
  const { payload = [], userProperties } = await iot.send(new GetRetainedMessageCommand({ topic }));
  const said = {
    payload: Buffer.from(payload).toString('base64'),
    ...(userProperties && { userProperties: JSON.parse(Buffer.from(userProperties).toString()) }),
  };
  return bare.map((event) => ({ ...event, ...said })).filter(takes);
}

async function send({ sqs, inQueue }: BridgeSides, event: RuleEvent): Promise<void> {
  const entry = { Id: '0', MessageBody: JSON.stringify(event) };
  const [failed] = await sqs.sendMessageBatch({ QueueUrl: inQueue, Entries: [entry] });
  if (failed) throw new Error(`${event.topic} was not queued: ${failed.Code}`);
}
