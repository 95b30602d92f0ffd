/** An event in the life of a client, or a message, for the event bus of the operator. */
export interface BrokerEvent {
  readonly type: 'connected' | 'disconnected' | 'session expired' | 'session replaced' | 'message';
  /** Stays the same when the event is published again. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** JSON values. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Publishes events to the event bus. An event that was sent arrives at least once, even while the bus is unavailable. */
export interface Events {
  /** Lifecycle events are published. */
  readonly wantsLifecycle: boolean;
  /** Returns whether messages of this topic are published as events. */
  wantsMessage(topic: string): boolean;
  /** Returns when the events are durable. */
  send(events: readonly BrokerEvent[]): Promise<void>;
}

/** Publishes no events. */
export const noEvents: Events = { wantsLifecycle: false, wantsMessage: () => false, send: async () => {} };
