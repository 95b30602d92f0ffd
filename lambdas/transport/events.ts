import type { JsonClient } from '../aws/lean/json-client';
import type { NewMessage, Sqs } from '../aws/lean/lean-sqs';
import type { BrokerEvent, Events } from '../broker/ports/events';
import type { Ports } from '../broker/ports/ports';
import type { EventConfig } from '../events/event-config';
import { asciiJson } from '../protocol/ascii-json';
import { matches } from '../protocol/topic-filter';
import { inBatches } from './batches';
import { sendInOrder } from './ordered-batches';

/** EventBridge: an entry has at most 256 KiB; source and kind are in it, and in the queue its frame. */
const largestEvent = 261_000;

/** An event on its way through the timer queue. */
export type EventTask = { readonly task: 'event' } & BrokerEvent;

/**
 * Puts events on the timer queue, whose function hands them to EventBridge: so a publisher waits for SQS only, and an
 * EventBridge that is away loses nothing and holds up nobody.
 */
export class SqsEvents implements Events {
  readonly wantsLifecycle: boolean;

  constructor(
    private readonly config: EventConfig,
    private readonly sqs: Sqs,
    private readonly url: string,
    private readonly ports: Pick<Ports, 'log' | 'metrics'>,
  ) {
    this.wantsLifecycle = config.lifecycle;
  }

  wantsMessage(topic: string): boolean {
    return this.config.messages.some((filter) => matches(filter, topic));
  }

  async send(events: readonly BrokerEvent[]): Promise<void> {
    const messages = events.flatMap((event) => this.messageOf(event));
    await sendInOrder(this.sqs, this.url, messages);
  }

  /** What EventBridge would not take is not promised to anybody: characters beyond ASCII take six bytes and more in properties. */
  private messageOf(event: BrokerEvent): NewMessage[] {
    const MessageBody = asciiJson({ task: 'event', ...event } satisfies EventTask);
    const size = Buffer.byteLength(MessageBody);
    if (size <= largestEvent) return [{ MessageBody }];
    this.ports.log('event too large', { type: event.type, id: event.id, bytes: size });
    this.ports.metrics.count('EventsRefused');
    return [];
  }
}

/** What EventBridge calls the kinds of events. */
const detailTypes: { readonly [Type in BrokerEvent['type']]: string } = {
  connected: 'MQTT Client Connected',
  disconnected: 'MQTT Client Disconnected',
  'session expired': 'MQTT Session Expired',
  'session replaced': 'MQTT Session Replaced',
  message: 'MQTT Message',
};

export const eventSource = 'cirrus-mqtt';

/** An event that EventBridge did not take, and why, in its words. */
export interface NotTaken {
  readonly event: BrokerEvent;
  readonly reason: string;
}

/** What EventBridge says of an entry. */
interface EntryAnswer {
  readonly ErrorCode?: string;
  readonly ErrorMessage?: string;
}

/** One event bus. */
export class EventBus {
  constructor(
    private readonly client: Pick<JsonClient, 'call'>,
    private readonly bus: string,
    private readonly broker: string,
  ) {}

  /** Returns those that EventBridge did not take; the others it has. */
  async put(events: readonly BrokerEvent[]): Promise<NotTaken[]> {
    const entries = events.map((event) => ({ event, entry: this.entryOf(event) }));
    const batches = inBatches(entries, ({ entry }) => Buffer.byteLength(entry.Detail) + 200);
    const failed = await Promise.all(
      batches.map((batch) =>
        this.putBatch(batch).catch((error) => batch.map(({ event }) => ({ event, reason: String(error) }))),
      ),
    );
    return failed.flat();
  }

  private async putBatch(batch: readonly { event: BrokerEvent; entry: object }[]): Promise<NotTaken[]> {
    const body = JSON.stringify({ Entries: batch.map(({ entry }) => entry) });
    const { Entries } = JSON.parse(await this.client.call('PutEvents', body)) as { Entries: EntryAnswer[] };
    return batch.flatMap(({ event }, index) => {
      const { ErrorCode, ErrorMessage = '' } = Entries[index] ?? {};
      return ErrorCode === undefined ? [] : [{ event, reason: `${ErrorCode}: ${ErrorMessage}` }];
    });
  }

  private entryOf({ type, id, at, detail }: BrokerEvent) {
    return {
      EventBusName: this.bus,
      Source: eventSource,
      DetailType: detailTypes[type],
      Time: at / 1000,
      Detail: asciiJson({ broker: this.broker, id, ...detail }),
    };
  }
}
