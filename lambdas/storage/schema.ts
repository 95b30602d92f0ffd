/** One DynamoDB table: its key names, and whether rows carry a time to live. */
export interface TableSchema {
  readonly partitionKey: string;
  readonly sortKey?: string;
  /** Attribute with the expiry in seconds since 1970. DynamoDB deletes days late, so it only tidies up; readers filter. */
  readonly timeToLive?: string;
}

/** Every table of the broker. The infrastructure, the local cloud and the stores all build from this one description. */
export const tables = {
  /** One row per open connection that sent CONNECT. */
  connections: { partitionKey: 'connectionId', timeToLive: 'expiresAt' },
  /** Per client id: `head` and one `will#connectionId`; per session id: one row per subscription. */
  sessions: { partitionKey: 'id', sortKey: 'part' },
  /** Per topic filter: one row per subscribed client; and one partition that lists the live shapes. */
  topicIndex: { partitionKey: 'filter', sortKey: 'clientId' },
  /** Retained messages by first level, pointers to them by last level, and the list of first levels. */
  retained: { partitionKey: 'bucket', sortKey: 'topic' },
  /** Per session id: outgoing QoS 1 and 2 messages, incoming QoS 2 messages, and what was already routed. */
  inflight: { partitionKey: 'session', sortKey: 'slot', timeToLive: 'expiresAt' },
  /** Users, and clients whose packets are logged. Operators write it; no function may. */
  accounts: { partitionKey: 'id', sortKey: 'part', timeToLive: 'expiresAt' },
  /** Failed logins, connections that count against the limit of a user, and the secret of this broker. */
  logins: { partitionKey: 'id', sortKey: 'part', timeToLive: 'expiresAt' },
} as const satisfies Record<string, TableSchema>;

export type TableName = keyof typeof tables;

/** The environment variable that tells a Lambda the deployed name of a table, e.g. `TOPIC_INDEX_TABLE`. */
export function tableVariable(table: TableName): string {
  return `${table.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}_TABLE`;
}
