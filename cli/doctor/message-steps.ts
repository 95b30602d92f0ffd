import type { Packet } from 'mqtt-packet';
import type { ProbeClient } from './probe-client';
import { isPublish } from './probe-socket';
import { milliseconds, type Step } from './step';
import type { Examination } from './step-context';
import { Finding } from './step-errors';

/** How many frames are numbered, and how many messages travel alone. */
export const orderedFrames = 1_000;
export const roundTrips = 100;

/** So many unacknowledged messages fill the connection, and leave room in every queue. */
const mostInFlight = 200;

/** Whether messages arrive, in their order, and how soon. */
export const trafficSteps: readonly Step[] = [
  { name: 'order', title: '1,000 numbered frames keep their order', needs: ['login'], examine: keepOrder },
  { name: 'round-trip', title: 'messages to oneself come back', needs: ['login'], examine: measureRoundTrips },
];

async function keepOrder(examination: Examination): Promise<string> {
  const client = await examination.client();
  const topic = examination.topic('order');
  await client.subscribe(topic);
  const start = performance.now();
  const numbers = await exchange(client, topic);
  const seen = new Set<number>();
  let last = -1;
  for (const number of numbers) {
    if (!seen.has(number) && number < last) throw new Finding(`message ${number} came after message ${last}`);
    seen.add(number);
    last = Math.max(last, number);
  }
  const repeated = numbers.length - seen.size;
  const repetitions = repeated === 0 ? '' : `, ${repeated} repeated, as QoS 1 may`;
  return `all in order after ${milliseconds(performance.now() - start)}${repetitions}`;
}

/** Publishes all numbers at QoS 1, each in a frame of its own; returns those that came, in the order they did. */
async function exchange(client: ProbeClient, topic: string): Promise<number[]> {
  const window = Math.min(mostInFlight, client.connack.properties?.receiveMaximum ?? mostInFlight);
  const came: number[] = [];
  const missing = new Set(Array.from({ length: orderedFrames }, (_, number) => number));
  const concerns = (packet: Packet): packet is Packet =>
    packet.cmd === 'puback' || (isPublish(packet) && packet.topic === topic);
  for (let sent = 0, acknowledged = 0; missing.size > 0; ) {
    while (sent < orderedFrames && sent - acknowledged < window) client.publish(topic, String(sent++), 1);
    const packet = await client.socket.next(`the rest of the ${orderedFrames} messages`, concerns);
    if (!isPublish(packet)) {
      acknowledged += 1;
      continue;
    }
    client.acknowledge(packet);
    came.push(Number(packet.payload));
    missing.delete(Number(packet.payload));
  }
  return came;
}

async function measureRoundTrips(examination: Examination): Promise<string> {
  const client = await examination.client();
  const topic = examination.topic('round-trip');
  await client.subscribe(topic);
  const durations: number[] = [];
  for (let number = 0; number < roundTrips; number++) {
    const start = performance.now();
    client.publish(topic, String(number), 0);
    const message = await client.message(topic);
    if (String(message.payload) !== String(number)) {
      throw new Finding(`message ${number} was sent, and ${message.payload} came back`);
    }
    durations.push(performance.now() - start);
  }
  durations.sort((one, other) => one - other);
  const at = (share: number) => milliseconds(durations[Math.ceil(share * roundTrips) - 1]!);
  return `${roundTrips} at QoS 0: median ${at(0.5)}, p99 ${at(0.99)}`;
}
