import { setTimeout as sleep } from 'node:timers/promises';
import type { IPublishPacket, Packet, QoS } from 'mqtt-packet';
import { functions } from '../lambdas/deployment';
import { type Bill, prices } from '../local/bill';
import { type Cloud, startCloud } from '../local/cloud';
import { TextClient } from '../test/support/text-client';

/** Duration at which every invocation is priced: durations on a laptop do not apply to Lambda. */
const invocationMilliseconds = 30;

/** Billed units and their price. */
export interface Cost {
  readonly messages: number;
  readonly connectionMinutes: number;
  readonly requests: number;
  readonly invocations: number;
  readonly reads: number;
  readonly writes: number;
  readonly dollars: number;
}

export const keepAlives = [60, 300, 540] as const;

/** Cost of one message from one publisher to one subscriber, with each packet in its own frame. */
export async function costOfMessage(qos: QoS): Promise<Cost> {
  return withPair(qos, async (cloud, publisher, subscriber) => {
    await transferOne(publisher, subscriber, qos);
    return priced(await settledBill(cloud));
  });
}

/** Cost of one message in a burst of 1,000, with 100 messages or acknowledgements in a frame. */
export async function costInBurst(qos: QoS): Promise<Cost> {
  const frames = 10;
  const each = 100;
  return withPair(qos, async (cloud, publisher, subscriber) => {
    const sent = Array.from({ length: frames }, (_, frame) =>
      publish(publisher, qos, { count: each, firstId: 1 + frame * each }),
    );
    const received = takeAll(subscriber, qos, frames * each);
    await Promise.all([...sent, received]);
    return scaled(priced(await settledBill(cloud)), 1 / (frames * each));
  });
}

/**
 * Cost of an idle device for two hours, the maximum age of a connection, with one reconnect. It is measured as the difference
 * between two devices and one, because the scans of all connections cost the same for one device as for a dozen.
 */
export async function costOfIdleDevice(keepAlive: number): Promise<Cost> {
  const cloud = await startCloud({ containers: 1 });
  try {
    for (const clientId of ['one', 'other']) {
      const device = await TextClient.connect(cloud.gatewayUrl, clientId, { clean: false, keepalive: keepAlive });
      await device.subscribe(1, `devices/${clientId}/#`);
      await device.disconnect();
    }
    const one = await idleDevice(cloud, 'one', keepAlive);
    const alone = await billOfTwoHours(cloud, one);
    const other = await idleDevice(cloud, 'other', keepAlive);
    const both = await billOfTwoHours(cloud, async (seconds) => {
      await one(seconds);
      await other(seconds);
    });
    return difference(priced(both), priced(alone));
  } finally {
    await cloud.stop();
  }
}

/** Cost of a month without connections. The local bill does not contain the pollers of queues, and logs. */
export async function costOfIdleBroker(): Promise<Cost> {
  const cloud = await startCloud({ containers: 1 });
  try {
    return scaled(priced(await billOfTwoHours(cloud, async () => undefined)), periodsPerMonth);
  } finally {
    await cloud.stop();
  }
}

export const periodsPerMonth = (30 * 24) / 2;

const step = 30;

/** The bill of two hours. `act` is called every 30 seconds with the time in seconds. */
async function billOfTwoHours(cloud: Cloud, act: (seconds: number) => Promise<void>): Promise<Bill> {
  await cloud.settled();
  await cloud.resetBill();
  for (let seconds = step; seconds <= 7200; seconds += step) {
    cloud.clock.jump(step * 1000);
    await sleep(5); // Timers fire in the next turn of the event loop.
    await cloud.settled();
    await act(seconds);
  }
  return settledBill(cloud);
}

async function idleDevice(cloud: Cloud, clientId: string, keepAlive: number) {
  const connect = () => TextClient.connect(cloud.gatewayUrl, clientId, { clean: false, keepalive: keepAlive });
  let device = await connect();
  let last = 0;
  return async (seconds: number) => {
    if (seconds < last) last -= 7200; // The next two hours have begun.
    if (device.closeCode !== undefined) {
      device = await connect();
      last = seconds;
    }
    if (seconds - last < keepAlive) return;
    await device.ping();
    last = seconds;
  };
}

async function withPair(qos: QoS, measure: (...of: [Cloud, TextClient, TextClient]) => Promise<Cost>): Promise<Cost> {
  const cloud = await startCloud({ containers: 1 });
  try {
    cloud.clock.hold(); // Keeps timers off the bill.
    const publisher = await TextClient.connect(cloud.gatewayUrl, 'publisher');
    const subscriber = await TextClient.connect(cloud.gatewayUrl, 'subscriber');
    await subscriber.subscribe(qos, 'cost/+');
    for (let warm = 0; warm < 3; warm++) await transferOne(publisher, subscriber, qos);
    await cloud.settled();
    await cloud.resetBill();
    return await measure(cloud, publisher, subscriber);
  } finally {
    await cloud.stop();
  }
}

async function transferOne(publisher: TextClient, subscriber: TextClient, qos: QoS): Promise<void> {
  await Promise.all([publish(publisher, qos, { count: 1, firstId: 1 }), takeAll(subscriber, qos, 1)]);
}

interface MessageRange {
  readonly count: number;
  /** Packet id of the first message. */
  readonly firstId: number;
}

async function publish(client: TextClient, qos: QoS, { count, firstId }: MessageRange): Promise<void> {
  const ids = Array.from({ length: count }, (_, index) => firstId + index);
  const payload = Buffer.alloc(100, 'x');
  const packet = { cmd: 'publish', topic: 'cost/a', payload, qos, dup: false, retain: false } as const;
  client.send(...ids.map((messageId): IPublishPacket => ({ ...packet, messageId })));
  if (qos === 1) for (const _ of ids) await client.next('puback');
  if (qos < 2) return;
  for (const _ of ids) await client.next('pubrec');
  client.send(...ids.map((messageId) => ({ cmd: 'pubrel', messageId }) as const));
  for (const _ of ids) await client.next('pubcomp');
}

/** Receives messages, and acknowledges messages that arrived together in one frame. */
async function takeAll(client: TextClient, qos: QoS, count: number): Promise<void> {
  let open = qos === 2 ? 2 * count : count;
  while (open > 0) {
    const arrived = client.rest();
    open -= arrived.length;
    const responses = arrived.flatMap((packet) => responseTo(packet) ?? []);
    if (responses.length > 0) client.send(...responses);
    await sleep(1);
  }
}

function responseTo({ cmd, messageId, ...packet }: Packet): Packet | undefined {
  if (cmd === 'pubrel') return { cmd: 'pubcomp', messageId };
  if (cmd !== 'publish' || !('qos' in packet) || packet.qos === 0) return undefined;
  return { cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId };
}

/** The bill after all work has finished. */
export async function settledBill(cloud: Cloud): Promise<Bill> {
  await sleep(20); // The last frames of the clients are still in transit.
  await cloud.settled();
  return cloud.bill();
}

/** Billed units of a bill with their price. */
export function priced({ gateway, sqs, lambda, dynamodb }: Bill): Cost {
  const { connectionMinutes } = gateway;
  const messages = gateway.messagesIn + gateway.messagesOut;
  const compute = Object.entries(lambda.functions).reduce((total, [name, { invocations }]) => {
    const { memoryMb } = functions[name as keyof typeof functions];
    return total + invocations * (invocationMilliseconds / 1000) * (memoryMb / 1024) * prices.lambdaGbSecond;
  }, lambda.invocations * prices.lambdaRequest);
  const dollars =
    messages * prices.gatewayMessage +
    connectionMinutes * prices.connectionMinute +
    sqs.dollars +
    compute +
    dynamodb.dollars;
  const { reads, writes } = dynamodb;
  return {
    messages,
    connectionMinutes,
    requests: sqs.requests,
    invocations: lambda.invocations,
    reads,
    writes,
    dollars,
  };
}

function combined(one: Cost, combine: (name: keyof Cost) => number): Cost {
  return Object.fromEntries(Object.keys(one).map((name) => [name, combine(name as keyof Cost)])) as unknown as Cost;
}

export function scaled(cost: Cost, factor: number): Cost {
  return combined(cost, (name) => cost[name] * factor);
}

function difference(one: Cost, other: Cost): Cost {
  return combined(one, (name) => one[name] - other[name]);
}

function row(name: string, cost: Cost, factor: number): string {
  const { messages, connectionMinutes, requests, invocations, reads, writes, dollars } = scaled(cost, factor);
  const counts = [messages, connectionMinutes, requests, invocations, reads, writes].map((count) =>
    String(Number(count.toPrecision(3))),
  );
  return `| ${[name, ...counts, `$${dollars.toFixed(dollars < 1 ? 3 : 2)}`].join(' | ')} |`;
}

/** Prints the tables of docs/cost.md. */
async function main(): Promise<void> {
  console.log('| | gateway messages | connection minutes | queue requests | invocations | reads | writes | dollars |');
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const qos of [0, 1, 2] as const) console.log(row(`QoS ${qos}, per million`, await costOfMessage(qos), 1e6));
  for (const qos of [0, 1, 2] as const) console.log(row(`QoS ${qos}, bursts`, await costInBurst(qos), 1e6));
  for (const keepAlive of keepAlives) {
    console.log(row(`idle device, ${keepAlive} s, per month`, await costOfIdleDevice(keepAlive), periodsPerMonth));
  }
  console.log(row('no connections, per month', await costOfIdleBroker(), 1));
}

if (require.main === module) main();
