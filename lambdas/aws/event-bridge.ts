/** An entry of PutEvents. The names are those of the EventBridge API. */
export interface EventEntry {
  readonly EventBusName: string;
  readonly Source: string;
  readonly DetailType: string;
  readonly Time: Date;
  /** A JSON object. */
  readonly Detail: string;
}

/** Result of one entry, in the order of the entries. An entry without an error code was accepted. */
export interface EventEntryResult {
  readonly ErrorCode?: string;
  readonly ErrorMessage?: string;
}

/** Client of EventBridge. */
export interface EventBridge {
  putEvents(entries: readonly EventEntry[]): Promise<readonly EventEntryResult[]>;
}
