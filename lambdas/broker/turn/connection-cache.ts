import type { ConnectionRecord } from '../model/connection';

const rememberedConnections = 2_000;

/**
 * Connections as this container last committed them. Another container may have moved on since, so a remembered record is
 * only good for a write whose condition notices.
 */
export class ConnectionCache {
  private readonly records = new Map<string, ConnectionRecord>();

  get(connectionId: string): ConnectionRecord | undefined {
    return this.records.get(connectionId);
  }

  set(record: ConnectionRecord): void {
    this.records.delete(record.connectionId);
    this.records.set(record.connectionId, record);
    const [oldest] = this.records.keys();
    if (this.records.size > rememberedConnections && oldest !== undefined) this.records.delete(oldest);
  }

  delete(connectionId: string): void {
    this.records.delete(connectionId);
  }
}
