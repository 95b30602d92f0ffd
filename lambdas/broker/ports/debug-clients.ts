/** Clients whose packets are logged. */
export interface DebugClients {
  /** Reads the list if the last read is some time ago. It never fails, because the broker works without the list. */
  refresh(): Promise<void>;
  has(clientId: string): boolean;
}

/** Stores the list: for the key of each client id the end of its logging, milliseconds since 1970. */
export interface DebugClientStore {
  read(): Promise<ReadonlyMap<string, number>>;
  keyOf(clientId: string): string;
}
