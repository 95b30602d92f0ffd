import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QoS } from 'mqtt-packet';
import { type BenchClient, LoadClient, type Target } from './load-client';

const payload = Buffer.alloc(128, 'x');
let runs = 0;

/** A topic that no other scenario uses. */
function freshTopic(): string {
  return `bench/run${process.pid}-${++runs}/state`;
}

export type Connect = (target: Target, clientId: string) => Promise<BenchClient>;

async function pair(target: Target, qos: QoS, connect: Connect = LoadClient.connect) {
  const topic = freshTopic();
  const subscriber = await connect(target, `${topic}-subscriber`);
  const publisher = await connect(target, `${topic}-publisher`);
  await subscriber.subscribe(topic, qos);
  return { publisher, subscriber, topic };
}

export interface Flow {
  readonly inFlight: number;
  readonly seconds: number;
  /** Client for publisher and subscriber; `LoadClient` if absent. */
  readonly connect?: Connect;
}

/** Messages per second from one publisher to one subscriber, with a fixed number of messages in flight. */
export async function oneToOne(target: Target, qos: QoS, { inFlight, seconds, connect }: Flow): Promise<number> {
  const { publisher, subscriber, topic } = await pair(target, qos, connect);
  let delivered = 0;
  let running = true;
  subscriber.onMessage = () => {
    delivered += 1;
    if (running) publisher.publish(topic, payload, qos);
  };
  for (let count = 0; count < inFlight; count++) publisher.publish(topic, payload, qos);
  await sleep(1000); // Warm-up.
  const before = delivered;
  const start = performance.now();
  await sleep(seconds * 1000);
  const rate = ((delivered - before) * 1000) / (performance.now() - start);
  running = false;
  await sleep(200);
  end(publisher, subscriber);
  return rate;
}

/** Milliseconds from publish to delivery, one message at a time, sorted. */
export async function latencies(target: Target, qos: QoS, count: number): Promise<number[]> {
  const { publisher, subscriber, topic } = await pair(target, qos);
  const arrivals = new EventEmitter();
  subscriber.onMessage = () => arrivals.emit('message');
  const times: number[] = [];
  for (let index = -20; index < count; index++) {
    const start = performance.now();
    publisher.publish(topic, payload, qos);
    await once(arrivals, 'message');
    if (index >= 0) times.push(performance.now() - start);
  }
  end(publisher, subscriber);
  return times.sort((a, b) => a - b);
}

/** Seconds until the last message of a burst arrives; all messages are written in one turn, at QoS 0. */
export async function burst(target: Target, count: number): Promise<number> {
  const { publisher, subscriber, topic } = await pair(target, 0);
  const start = performance.now();
  for (let index = 0; index < count; index++) publisher.publish(topic, Buffer.from(`m${index}`), 0);
  await delivered([subscriber], count);
  const seconds = (performance.now() - start) / 1000;
  end(publisher, subscriber);
  return seconds;
}

/** Size of a fan-out. */
export interface FanOut {
  readonly subscribers: number;
  readonly messages: number;
}

/** Deliveries per second from one publisher to many subscribers of one topic. */
export async function fanOut(target: Target, qos: QoS, { subscribers, messages }: FanOut): Promise<number> {
  const topic = freshTopic();
  const recipients: LoadClient[] = [];
  for (let index = 0; index < subscribers; index++) {
    const subscriber = await LoadClient.connect(target, `${topic}-${index}`);
    await subscriber.subscribe(topic, qos);
    recipients.push(subscriber);
  }
  const publisher = await LoadClient.connect(target, `${topic}-publisher`);
  publisher.publish(topic, payload, qos);
  await delivered(recipients, 1);
  const start = performance.now();
  for (let index = 0; index < messages; index++) publisher.publish(topic, payload, qos);
  await delivered(recipients, messages);
  const seconds = (performance.now() - start) / 1000;
  end(publisher, ...recipients);
  return (messages * subscribers) / seconds;
}

/** Adds subscriptions that match none of the measured topics. */
export async function unrelatedSubscriptions(target: Target, count: number): Promise<LoadClient> {
  const client = await LoadClient.connect(target, `unrelated-${process.pid}`);
  const filters = Array.from({ length: count }, (_, index) => `unrelated/${index}/+`);
  for (let start = 0; start < count; start += 100) await client.subscribeAll(filters.slice(start, start + 100), 0);
  return client;
}

export async function retain(target: Target, topics: readonly string[]): Promise<void> {
  const client = await LoadClient.connect(target, `retainer-${process.pid}`);
  for (let start = 0; start < topics.length; start += 100) await client.retainAll(topics.slice(start, start + 100));
  client.end();
}

/** Subscribes to a filter, and returns the number of retained messages that arrive. */
export async function retainedMatches(target: Target, filter: string): Promise<number> {
  const client = await LoadClient.connect(target, `retained-${process.pid}-${++runs}`);
  let count = 0;
  client.onMessage = () => {
    count += 1;
  };
  await client.subscribe(filter, 0);
  await sleep(300);
  client.end();
  await sleep(100);
  return count;
}

function delivered(subscribers: readonly BenchClient[], count: number): Promise<unknown> {
  return Promise.all(
    subscribers.map(
      (subscriber) =>
        new Promise<void>((resolve) => {
          let left = count;
          subscriber.onMessage = () => {
            left -= 1;
            if (left === 0) resolve();
          };
        }),
    ),
  );
}

function end(...clients: BenchClient[]): void {
  for (const client of clients) client.end();
}
