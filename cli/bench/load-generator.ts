import { setTimeout as sleep } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { guardPublish } from '../../clients/mqttjs';
import { brokerAddress } from '../broker-address';
import { type Counts, Tally } from './load-counters';
import { type Plan, topicOf, topicsFor } from './load-plan';
import { readStamp, stamped } from './payload-stamp';

/** Connections under way at a time: far below the 500 a second that API Gateway allows an account. */
const handshakesAtOnce = 20;

/** So often it is looked which messages are due. */
const tickMs = 5;

/** Unacknowledged messages of a client, at most; below every Receive Maximum in use. */
const mostInFlight = 250;

const reconnectMs = 1_000;

/** What is under way at QoS 0 is given up after so much silence: longer than any function takes to start. */
const quietMs = 10_000;

interface Publisher {
  readonly client: MqttClient;
  readonly topic: string;
  inFlight: number;
  published: number;
}

/** Clients of a plan, connected and subscribed. */
export class Load {
  /** Of the whole run, and since it was last read. */
  readonly total = new Tally();
  readonly recent = new Tally();
  private readonly publishers: Publisher[] = [];
  /** Numbers of the last messages, by subscriber and topic. */
  private readonly last = new Map<string, number>();
  private lastArrival = 0;
  private next = 0;
  private ending = false;

  private constructor(private readonly plan: Plan) {}

  /** Connects and subscribes all clients. @throws Error when one of them cannot. */
  static async connect(plan: Plan, tell: (connected: number) => void): Promise<Load> {
    const load = new Load(plan);
    try {
      for (let first = 0; first < plan.clients; first += handshakesAtOnce) {
        const count = Math.min(handshakesAtOnce, plan.clients - first);
        // All of them are known before any is ended.
        const joins = await Promise.allSettled(Array.from({ length: count }, (_, index) => load.join(first + index)));
        const refused = joins.find((join) => join.status === 'rejected');
        if (refused) throw refused.reason;
        tell(first + count);
      }
      return load;
    } catch (error) {
      await load.end();
      throw error;
    }
  }

  /** Publishes at the rate of the plan until its time is over, then waits for what is under way. */
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
    await this.settle();
    return { ...this.total.read(), seconds: counts.seconds };
  }

  async end(): Promise<void> {
    this.ending = true;
    // One that waits for an acknowledgement would do so without end.
    await Promise.all(this.publishers.map(({ client, inFlight }) => client.endAsync(inFlight > 0)));
  }

  get expected(): number {
    return this.total.counts.sent * this.plan.fanout;
  }

  private get isComplete(): boolean {
    const { sent, acknowledged, received } = this.total.counts;
    return received >= this.expected && acknowledged >= sent;
  }

  private async join(number: number): Promise<void> {
    const { url, options, id, qos } = this.plan;
    const own = { clientId: `${id}-${number}`, reconnectPeriod: reconnectMs };
    const client = await connectAsync('', { ...brokerAddress(url), ...options, ...own }, false);
    if (options.createWebsocket) guardPublish(client); // A topic of some hundred bytes makes the largest payload too large.
    this.publishers[number] = { client, topic: topicOf(this.plan, number), inFlight: 0, published: 0 };
    client.on('close', () => this.ending || this.count('lostConnections'));
    client.on('error', () => {}); // `close` follows.
    client.on('message', (topic, payload) => this.receive(`${number} ${topic}`, payload));
    const topics = topicsFor(this.plan, number);
    if (topics.length > 0) await client.subscribeAsync(topics, { qos });
  }

  /** Publishes one message; false when no client may. */
  private publishNext(): boolean {
    const { qos, payload } = this.plan;
    const publisher = this.nextPublisher();
    if (!publisher) return false;
    publisher.inFlight += 1;
    publisher.published += 1;
    this.count('sent');
    publisher.client.publish(publisher.topic, stamped(payload, publisher.published), { qos }, (error) => {
      publisher.inFlight -= 1;
      if (!error) this.count('acknowledged');
    });
    return true;
  }

  /** One after the other, passing over those that wait for acknowledgements. */
  private nextPublisher(): Publisher | undefined {
    for (let tried = 0; tried < this.publishers.length; tried++) {
      const publisher = this.publishers[this.next++ % this.publishers.length]!;
      if (publisher.inFlight < mostInFlight) return publisher;
    }
    return undefined;
  }

  private receive(stream: string, payload: Buffer): void {
    const { sentAt, number } = readStamp(payload);
    const now = performance.now();
    this.lastArrival = now;
    if (number <= (this.last.get(stream) ?? 0)) {
      this.count('repeated');
      return;
    }
    this.last.set(stream, number);
    this.total.arrived(now - sentAt);
    this.recent.arrived(now - sentAt);
  }

  private count(what: keyof Tally['counts']): void {
    this.total.counts[what] += 1;
    this.recent.counts[what] += 1;
  }

  private async settle(): Promise<void> {
    const { qos, patienceMs } = this.plan;
    const start = performance.now();
    const isOver = () => {
      const now = performance.now();
      const isQuiet = qos === 0 && now - Math.max(start, this.lastArrival) > quietMs;
      return this.isComplete || isQuiet || now - start > patienceMs;
    };
    while (!isOver()) await sleep(tickMs);
  }
}
