import type { EventBridge, EventEntry } from '../aws/event-bridge';
import type { BrokerEvent } from '../broker/ports/events';
import { asciiJson } from '../protocol/ascii-json';
import { together } from '../shared/parallel';
import { inBatches } from './batches';

/** Source of all events in EventBridge. */
export const eventSource = 'cirrus-mqtt';

/** Detail type of each kind of event in EventBridge. */
const detailTypes: { readonly [Type in BrokerEvent['type']]: string } = {
  connected: 'MQTT Client Connected',
  disconnected: 'MQTT Client Disconnected',
  'session expired': 'MQTT Session Expired',
  'session replaced': 'MQTT Session Replaced',
  message: 'MQTT Message',
};

/** Bytes of an entry besides its detail, as an upper bound. */
const entryOverhead = 200;

/** An event that EventBridge did not accept, with EventBridge's reason. */
export interface RejectedEvent {
  readonly event: BrokerEvent;
  readonly reason: string;
}

interface EventWithEntry {
  readonly event: BrokerEvent;
  readonly entry: EventEntry;
}

/** One event bus, and the name of the broker in its events. */
export class EventBus {
  constructor(
    private readonly client: EventBridge,
    private readonly bus: string,
    private readonly broker: string,
  ) {}

  /** Returns the events that EventBridge did not accept. It has accepted all others. */
  async put(events: readonly BrokerEvent[]): Promise<RejectedEvent[]> {
    const entries = events.map((event) => ({ event, entry: this.toEntry(event) }));
    const batches = inBatches(entries, ({ entry }) => Buffer.byteLength(entry.Detail) + entryOverhead);
    return (await together(batches.map((batch) => this.putBatch(batch)))).flat();
  }

  private async putBatch(batch: readonly EventWithEntry[]): Promise<RejectedEvent[]> {
    try {
      const results = await this.client.putEvents(batch.map(({ entry }) => entry));
      return batch.flatMap(({ event }, index) => {
        const { ErrorCode, ErrorMessage = '' } = results[index] ?? {};
        return ErrorCode === undefined ? [] : [{ event, reason: `${ErrorCode}: ${ErrorMessage}` }];
      });
    } catch (error) {
      return batch.map(({ event }) => ({ event, reason: String(error) }));
    }
  }

  private toEntry({ type, id, at, detail }: BrokerEvent): EventEntry {
    return {
      EventBusName: this.bus,
      Source: eventSource,
      DetailType: detailTypes[type],
      Time: new Date(at),
      Detail: asciiJson({ broker: this.broker, id, ...detail }),
    };
  }
}
