/** Whose packets an operator wants to see. */
export interface DebugClients {
  /** Looks at the list when the last look was a while ago. Never fails: a broker works without. */
  refresh(): Promise<void>;
  has(clientId: string): boolean;
}

/** Where the list is kept: until when, milliseconds since 1970, by the key of a client id. */
export interface DebugClientStore {
  read(): Promise<ReadonlyMap<string, number>>;
  keyOf(clientId: string): string;
}
