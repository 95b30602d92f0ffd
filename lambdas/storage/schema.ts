/** One DynamoDB table: its key names, and the attribute with its time to live. */
export interface TableSchema {
  readonly partitionKey: string;
  readonly sortKey?: string;
  /**
   * Attribute with the expiry in seconds since 1970. DynamoDB deletes days late, so readers check the time themselves.
   */
  readonly timeToLive?: string;
}

/** All tables of the broker. The infrastructure, the local cloud and the stores are built from this description. */
export const tables = {
  /** One row for each open connection that sent CONNECT. */
  connections: { partitionKey: 'connectionId', timeToLive: 'expiresAt' },
  /**
   * For each client id `head`, which is the session item, and one `will#connectionId`; for each session id one row per
   * subscription.
   */
  sessions: { partitionKey: 'id', sortKey: 'part' },
  /** For each topic filter one row per subscribed client; and one partition with the list of shapes. */
  topicIndex: { partitionKey: 'filter', sortKey: 'clientId' },
  /** Retained messages by first level, pointers to them by last level, and the list of first levels. */
  retained: { partitionKey: 'bucket', sortKey: 'topic' },
  /** For each session id: outgoing QoS 1 and 2 messages, incoming QoS 2 messages, and QoS 2 records. */
  inflight: { partitionKey: 'session', sortKey: 'slot', timeToLive: 'expiresAt' },
  /** Users, and clients whose packets are logged. Only operators write it, no function. */
  accounts: { partitionKey: 'id', sortKey: 'part', timeToLive: 'expiresAt' },
  /** Failed logins, connections that count against the limit of a user, and the secret of this broker. */
  logins: { partitionKey: 'id', sortKey: 'part', timeToLive: 'expiresAt' },
} as const satisfies Record<string, TableSchema>;

export type TableName = keyof typeof tables;

/** Returns the environment variable with the deployed name of a table, for example `TOPIC_INDEX_TABLE`. */
export function tableVariable(table: TableName): string {
  return `${table.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}_TABLE`;
}
