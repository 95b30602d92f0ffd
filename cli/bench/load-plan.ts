import type { IClientOptions } from 'mqtt';

/** Load of a bench run: every client publishes to its own topic and subscribes to the topics of `fanout` clients. */
export interface LoadPlan {
  readonly url: string;
  readonly options: IClientOptions;
  readonly clients: number;
  /** Number of subscribers of each topic. */
  readonly fanout: number;
  /** Messages per second of all clients together. */
  readonly rate: number;
  readonly qos: 0 | 1 | 2;
  /** Payload size in bytes. */
  readonly payload: number;
  readonly seconds: number;
  /** Maximum wait for the last messages, in milliseconds. */
  readonly drainTimeoutMs: number;
  /** Prefix of the client ids. */
  readonly id: string;
  /** Prefix of the topics. */
  readonly topic: string;
}

/** Returns the topic of a publisher. */
export function topicOf({ topic, id }: LoadPlan, publisher: number): string {
  return `${topic}/${id}/${publisher}`;
}

/** Returns the topics that a client subscribes to: those of the clients before it, and its own last. */
export function topicsFor(plan: LoadPlan, client: number): string[] {
  const { clients, fanout } = plan;
  return Array.from({ length: fanout }, (_, step) => topicOf(plan, (client + clients - fanout + 1 + step) % clients));
}
