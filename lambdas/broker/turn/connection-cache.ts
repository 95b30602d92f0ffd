import { LruMap } from '../../shared/lru-map';
import type { ConnectionRecord } from '../model/connection';

const maxConnections = 2_000;

/**
 * Connections as this container last committed them. Another container may have changed a connection since, so a cached record must
 * be confirmed before anything is sent.
 */
export class ConnectionCache {
  private readonly records = new LruMap<string, ConnectionRecord>({ maxSize: maxConnections });

  /** Removes and returns a connection. The turn that commits it puts it back. */
  take(connectionId: string): ConnectionRecord | undefined {
    const record = this.records.get(connectionId);
    this.records.delete(connectionId);
    return record;
  }

  set(record: ConnectionRecord): void {
    this.records.set(record.connectionId, record);
  }
}

/** True if no turn has changed the connection since it was cached: the stored record confirms the cached one. */
export function confirms(stored: ConnectionRecord | undefined, cached: ConnectionRecord): boolean {
  return (
    stored !== undefined &&
    !stored.ended &&
    stored.supersededAt === undefined &&
    stored.lastNumber === cached.lastNumber &&
    stored.tail.length === 0 &&
    stored.early.length === 0
  );
}
