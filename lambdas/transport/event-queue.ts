import type { NewMessage, Sqs } from '../aws/sqs';
import type { BrokerEvent, Events } from '../broker/ports/events';
import type { Metrics } from '../broker/ports/metrics';
import type { Log } from '../broker/ports/process';
import type { EventConfig } from '../events/event-config';
import { matches } from '../protocol/topic-filter';
import { sendInOrder } from './ordered-batches';
import { eventBody } from './timer-queue';

/** EventBridge allows 256 KiB for an entry. This leaves space for source and type, and in the queue for the envelope. */
const maxEventBytes = 261_000;

export interface SqsEventsOptions {
  readonly config: EventConfig;
  readonly sqs: Pick<Sqs, 'sendMessageBatch'>;
  /** URL of the timer queue. */
  readonly url: string;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * Puts events on the timer queue, whose function hands them to EventBridge. So a publisher waits for SQS only, and an
 * outage of EventBridge neither loses events nor delays clients.
 */
export class SqsEvents implements Events {
  readonly wantsLifecycle: boolean;

  constructor(private readonly options: SqsEventsOptions) {
    this.wantsLifecycle = options.config.lifecycle;
  }

  wantsMessage(topic: string): boolean {
    return this.options.config.messages.some((filter) => matches(filter, topic));
  }

  async send(events: readonly BrokerEvent[]): Promise<void> {
    const { sqs, url } = this.options;
    const messages = events.flatMap((event) => this.toMessage(event));
    await sendInOrder(sqs, url, messages);
  }

  /** Returns nothing for an event that EventBridge would refuse. Characters beyond ASCII take six bytes and more in JSON. */
  private toMessage(event: BrokerEvent): NewMessage[] {
    const MessageBody = eventBody(event);
    const bytes = Buffer.byteLength(MessageBody);
    if (bytes <= maxEventBytes) return [{ MessageBody }];
    const { log, metrics } = this.options;
    log('event too large', { type: event.type, id: event.id, bytes });
    metrics.count('EventsRefused');
    return [];
  }
}
