import { setTimeout as sleep } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { guardPublish } from '../../clients/mqttjs';
import { brokerAddress } from '../broker-address';
import { type Counts, LoadCounters } from './load-counters';
import { type LoadPlan, topicOf, topicsFor } from './load-plan';
import { createStampedPayload, readStamp } from './payload-stamp';

/** Maximum number of concurrent handshakes, far below the default quota of API Gateway of 500 per second and account. */
const maxConcurrentHandshakes = 20;

/** Interval of the loop that publishes due messages. */
const tickMs = 5;

/** Maximum number of unacknowledged messages of a client, below every Receive Maximum in use. */
const maxInFlight = 250;

const reconnectMs = 1_000;

/** At QoS 0, missing messages count as lost after this time without a message, which is longer than any cold start. */
const quietTimeoutMs = 10_000;

interface Publisher {
  readonly client: MqttClient;
  readonly topic: string;
  inFlight: number;
  published: number;
}

/** Connected and subscribed clients of a plan, which publish at its rate. */
export class LoadGenerator {
  /** Counters of the whole run. */
  readonly total = new LoadCounters();
  /** Counters since the caller's last reset. */
  readonly recent = new LoadCounters();
  private readonly publishers: Publisher[] = [];
  /** Number of the last message of each subscriber and topic. */
  private readonly lastNumbers = new Map<string, number>();
  private lastReceivedAt = 0;
  private nextPublisherIndex = 0;
  private ending = false;

  private constructor(private readonly plan: LoadPlan) {}

  /** Connects and subscribes all clients. Calls `onConnected` with the count so far. @throws Error if a client fails. */
  static async connect(plan: LoadPlan, onConnected: (connected: number) => void): Promise<LoadGenerator> {
    const load = new LoadGenerator(plan);
    try {
      for (let first = 0; first < plan.clients; first += maxConcurrentHandshakes) {
        const count = Math.min(maxConcurrentHandshakes, plan.clients - first);
        // Waits for all of them: `end` closes only the clients that it knows.
        const attempts = await Promise.allSettled(
          Array.from({ length: count }, (_, index) => load.connectClient(first + index)),
        );
        const refused = attempts.find((attempt) => attempt.status === 'rejected');
        if (refused) throw refused.reason;
        onConnected(first + count);
      }
      return load;
    } catch (error) {
      await load.end();
      throw error;
    }
  }

  /** Publishes at the rate of the plan for its duration, then waits for the remaining messages. */
  async run(interrupted: AbortSignal): Promise<Counts> {
    const { rate, seconds } = this.plan;
    this.total.reset();
    this.recent.reset();
    const start = performance.now();
    for (let elapsed = 0; elapsed < seconds && !interrupted.aborted; ) {
      await sleep(tickMs);
      elapsed = Math.min((performance.now() - start) / 1_000, seconds);
      while (this.total.counts.sent < elapsed * rate && this.publishNext());
    }
    const counts = this.total.read();
    await this.waitForRemaining();
    return { ...this.total.read(), seconds: counts.seconds };
  }

  async end(): Promise<void> {
    this.ending = true;
    // A graceful end would wait without limit for missing acknowledgements.
    await Promise.all(this.publishers.map(({ client, inFlight }) => client.endAsync(inFlight > 0)));
  }

  /** Number of messages that the subscribers should have received. */
  get expected(): number {
    return this.total.counts.sent * this.plan.fanout;
  }

  private get isComplete(): boolean {
    const { sent, acknowledged, received } = this.total.counts;
    return received >= this.expected && acknowledged >= sent;
  }

  private async connectClient(number: number): Promise<void> {
    const { url, options, id, qos } = this.plan;
    const own = { clientId: `${id}-${number}`, reconnectPeriod: reconnectMs };
    const client = await connectAsync('', { ...brokerAddress(url), ...options, ...own }, false);
    if (options.createWebsocket) guardPublish(client); // With a long topic, the maximum payload exceeds the maximum packet size.
    this.publishers[number] = { client, topic: topicOf(this.plan, number), inFlight: 0, published: 0 };
    client.on('close', () => this.ending || this.count('lostConnections'));
    client.on('error', () => {}); // `close` follows.
    client.on('message', (topic, payload) => this.receive(`${number} ${topic}`, payload));
    const topics = topicsFor(this.plan, number);
    if (topics.length > 0) await client.subscribeAsync(topics, { qos });
  }

  /** Publishes one message. Returns false if every client has reached `maxInFlight`. */
  private publishNext(): boolean {
    const { qos, payload } = this.plan;
    const publisher = this.nextPublisher();
    if (!publisher) return false;
    publisher.inFlight += 1;
    publisher.published += 1;
    this.count('sent');
    publisher.client.publish(publisher.topic, createStampedPayload(payload, publisher.published), { qos }, (error) => {
      publisher.inFlight -= 1;
      if (!error) this.count('acknowledged');
    });
    return true;
  }

  /** Selects publishers round-robin, without those that have reached `maxInFlight`. */
  private nextPublisher(): Publisher | undefined {
    for (let tried = 0; tried < this.publishers.length; tried++) {
      const publisher = this.publishers[this.nextPublisherIndex++ % this.publishers.length]!;
      if (publisher.inFlight < maxInFlight) return publisher;
    }
    return undefined;
  }

  private receive(stream: string, payload: Buffer): void {
    const { sentAt, number } = readStamp(payload);
    const now = performance.now();
    this.lastReceivedAt = now;
    if (number <= (this.lastNumbers.get(stream) ?? 0)) {
      this.count('repeated');
      return;
    }
    this.lastNumbers.set(stream, number);
    this.total.recordReceived(now - sentAt);
    this.recent.recordReceived(now - sentAt);
  }

  private count(counter: keyof LoadCounters['counts']): void {
    this.total.counts[counter] += 1;
    this.recent.counts[counter] += 1;
  }

  /** Waits until all messages are received and acknowledged, or until a timeout of the plan. */
  private async waitForRemaining(): Promise<void> {
    const { qos, drainTimeoutMs } = this.plan;
    const start = performance.now();
    const isOver = () => {
      const now = performance.now();
      const isQuiet = qos === 0 && now - Math.max(start, this.lastReceivedAt) > quietTimeoutMs;
      return this.isComplete || isQuiet || now - start > drainTimeoutMs;
    };
    while (!isOver()) await sleep(tickMs);
  }
}
