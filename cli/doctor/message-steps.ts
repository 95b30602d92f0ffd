import type { Packet } from 'mqtt-packet';
import type { ProbeClient } from './probe-client';
import { isPublish } from './probe-socket';
import { formatDuration, type Step } from './step';
import type { StepContext } from './step-context';
import { StepFailed } from './step-errors';

/** Number of messages in the step `order`. */
export const orderedFrames = 1_000;
/** Number of messages in the step `round-trip`. */
export const roundTrips = 100;

/** Maximum number of unacknowledged messages: enough to fill the connection, and below the limit of every queue. */
const maxInFlight = 200;

/** Steps that check delivery, order and latency of messages. */
export const messageSteps: readonly Step[] = [
  { name: 'order', title: '1,000 numbered frames keep their order', needs: ['login'], check: keepOrder },
  { name: 'round-trip', title: '100 messages return one by one', needs: ['login'], check: measureRoundTrips },
];

async function keepOrder(context: StepContext): Promise<string> {
  const client = await context.client();
  const topic = context.topic('order');
  await client.subscribe(topic);
  const start = performance.now();
  const numbers = await exchangeNumbers(client, topic);
  const seen = new Set<number>();
  let last = -1;
  for (const number of numbers) {
    if (!seen.has(number) && number < last) throw new StepFailed(`received message ${number} after message ${last}`);
    seen.add(number);
    last = Math.max(last, number);
  }
  const repeated = numbers.length - seen.size;
  const repetitions = repeated === 0 ? '' : `, ${repeated} duplicates, which QoS 1 allows`;
  return `all in order after ${formatDuration(performance.now() - start)}${repetitions}`;
}

/** Publishes all numbers at QoS 1, each in its own frame. Returns the received numbers, in the order of arrival. */
async function exchangeNumbers(client: ProbeClient, topic: string): Promise<number[]> {
  const window = Math.min(maxInFlight, client.connack.properties?.receiveMaximum ?? maxInFlight);
  const received: number[] = [];
  const missing = new Set(Array.from({ length: orderedFrames }, (_, number) => number));
  const isRelevant = (packet: Packet): packet is Packet =>
    packet.cmd === 'puback' || (isPublish(packet) && packet.topic === topic);
  for (let sent = 0, acknowledged = 0; missing.size > 0; ) {
    while (sent < orderedFrames && sent - acknowledged < window) client.publish(topic, String(sent++), { qos: 1 });
    const packet = await client.socket.next(`the rest of the ${orderedFrames} messages`, isRelevant);
    if (!isPublish(packet)) {
      acknowledged += 1;
      continue;
    }
    client.acknowledge(packet);
    received.push(Number(packet.payload));
    missing.delete(Number(packet.payload));
  }
  return received;
}

async function measureRoundTrips(context: StepContext): Promise<string> {
  const client = await context.client();
  const topic = context.topic('round-trip');
  await client.subscribe(topic);
  const durations: number[] = [];
  for (let number = 0; number < roundTrips; number++) {
    const start = performance.now();
    client.publish(topic, String(number), { qos: 0 });
    const message = await client.message(topic);
    if (String(message.payload) !== String(number)) {
      throw new StepFailed(`sent message ${number}, but received ${message.payload}`);
    }
    durations.push(performance.now() - start);
  }
  durations.sort((one, other) => one - other);
  const at = (share: number) => formatDuration(durations[Math.ceil(share * roundTrips) - 1]!);
  return `${roundTrips} at QoS 0: median ${at(0.5)}, p99 ${at(0.99)}`;
}
