/** What happens to clients, and messages, as it is told to others than clients. */
export interface BrokerEvent {
  readonly type: 'connected' | 'disconnected' | 'session expired' | 'session replaced' | 'message';
  /** The same when it is told again. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Values of JSON. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Tells others. What was sent arrives at least once, whatever becomes of the one who listens. */
export interface Events {
  readonly wantsLifecycle: boolean;
  wantsMessage(topic: string): boolean;
  /** Returns when the events are safe. */
  send(events: readonly BrokerEvent[]): Promise<void>;
}

/** Nobody listens. */
export const noEvents: Events = { wantsLifecycle: false, wantsMessage: () => false, send: async () => {} };
