import type { EventBridge, EventEntry, EventEntryResult } from '../event-bridge';
import { JsonClient, type LeanClientOptions } from './json-client';

/** EventBridge without the SDK (ADR 0010). */
export class LeanEventBridge implements EventBridge {
  private readonly client: JsonClient;

  constructor(options: LeanClientOptions) {
    this.client = new JsonClient({ name: 'events', target: 'AWSEvents', version: '1.1' }, options);
  }

  async putEvents(entries: readonly EventEntry[]): Promise<readonly EventEntryResult[]> {
    const body = JSON.stringify({ Entries: entries.map(toJson) });
    const { Entries } = JSON.parse(await this.client.call('PutEvents', body)) as { Entries: EventEntryResult[] };
    return Entries;
  }
}

/** AWS's JSON protocol has a time as seconds since 1970. */
function toJson({ Time, ...entry }: EventEntry) {
  return { ...entry, Time: Time.getTime() / 1000 };
}
