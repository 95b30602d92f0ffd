import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { EventBridge, EventEntry, EventEntryResult } from '../event-bridge';

/** Puts events through the SDK's client. */
export class SdkEventBridge implements EventBridge {
  constructor(private readonly client: EventBridgeClient) {}

  async putEvents(entries: readonly EventEntry[]): Promise<readonly EventEntryResult[]> {
    const { Entries = [] } = await this.client.send(new PutEventsCommand({ Entries: [...entries] }));
    return Entries;
  }
}
