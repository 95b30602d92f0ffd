import type { IClientOptions } from 'mqtt';

/** The load that is put on a broker: every client publishes to a topic of its own and hears those of others. */
export interface Plan {
  readonly url: string;
  readonly options: IClientOptions;
  readonly clients: number;
  /** How many clients get each message. */
  readonly fanout: number;
  /** Messages a second, of all clients together. */
  readonly rate: number;
  readonly qos: 0 | 1 | 2;
  /** Bytes of a payload. */
  readonly payload: number;
  readonly seconds: number;
  /** How long the last messages may take. */
  readonly patienceMs: number;
  /** Beginning of the client ids, and of the topics. */
  readonly id: string;
  readonly topic: string;
}

export function topicOf({ topic, id }: Plan, publisher: number): string {
  return `${topic}/${id}/${publisher}`;
}

/** The topics that a client subscribes to: those of the clients before it, its own last. */
export function topicsFor(plan: Plan, client: number): string[] {
  const { clients, fanout } = plan;
  return Array.from({ length: fanout }, (_, step) => topicOf(plan, (client + clients - fanout + 1 + step) % clients));
}
