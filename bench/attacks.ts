import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { generate, type IPublishPacket, type Packet } from 'mqtt-packet';
import { WebSocket } from 'ws';
import { varintBytes } from '../lambdas/protocol/codec/varint';
import { type BrokerOptions, readOptions } from '../lib/options';
import { prices } from '../local/bill';
import { type Cloud, startCloud } from '../local/cloud';
import { TextClient } from '../test/support/text-client';
import { type Cost, priced, scaled, settledBill } from './cost';

/**
 * Duration of a password hash in a Lambda function of 1,024 MB, in milliseconds. Such a function has 0.58 vCPU; on a full core of
 * the development machine the hash takes 95 ms.
 */
const hashMilliseconds = 200;

/** Actions of a client without credentials on one connection. */
interface Attack {
  readonly name: string;
  /** Content of the access file; if absent, only users of the accounts table have access. */
  readonly access?: object;
  /** Number of password hashes that the attack makes the broker compute. */
  readonly hashes?: number;
  readonly act: (cloud: Cloud) => Promise<unknown>;
}

const noToken = 'a handshake without a token, where one is required';
const silentConnection = 'a connection that says nothing';
const incompleteConnectName = 'with a CONNECT of 24,000 bytes that is never finished';

const issuers = [{ issuer: 'http://127.0.0.1:9', audience: ['mqtt'] }];

/** All attacks, in the order of docs/security.md. */
export const attacks: readonly Attack[] = [
  {
    name: noToken,
    access: { issuers, handshake: 'required' },
    act: (cloud) => open(cloud).catch(() => undefined),
  },
  {
    name: 'a handshake with a token that is not good',
    access: { issuers },
    act: (cloud) => open(cloud, '?access_token=x').catch(() => undefined),
  },
  { name: silentConnection, act: (cloud) => open(cloud) },
  { name: 'with a frame that is malformed', act: sendingFrame(Buffer.from([0xf0, 0])) },
  { name: 'with CONNECT, without credentials', act: connecting({}) },
  {
    name: 'with CONNECT and a wrong password',
    hashes: 1,
    act: connecting({ username: 'ann', password: Buffer.from('guess') }),
  },
  { name: 'with an exchange that is left', act: connecting(scramFields()) },
  { name: incompleteConnectName, act: sendingFrame(incompleteConnect(24_000)) },
  { name: 'with a message of 128 KB', act: sendLongMessage },
];

/** Cost of one attack, from the handshake until the broker has removed all data of the connection. */
export async function costOfAttack(attack: Attack): Promise<Cost> {
  const cloud = await startCloud({ containers: 1, access: attack.access ?? {} });
  try {
    await runAttack(cloud, attack); // Warm-up: caches are filled.
    await cloud.resetBill();
    await runAttack(cloud, attack);
    const cost = priced(await settledBill(cloud));
    return { ...cost, dollars: cost.dollars + hashDollars(attack) };
  } finally {
    await cloud.stop();
  }
}

function hashDollars({ hashes = 0 }: Attack): number {
  return hashes * (hashMilliseconds / 1000) * prices.lambdaGbSecond;
}

async function runAttack(cloud: Cloud, { act }: Attack): Promise<void> {
  await act(cloud);
  await settledBill(cloud);
  cloud.clock.jump(11_000); // Longer than `connectTimeout`.
  await sleep(5); // Timers fire in the next turn of the event loop.
  await cloud.settled();
}

/** Cost of each attack, by name. */
export async function costsOfAttacks(): Promise<Map<string, Cost>> {
  const costs = new Map<string, Cost>();
  for (const attack of attacks) costs.set(attack.name, await costOfAttack(attack));
  return costs;
}

/** Highest cost of a client without credentials, in dollars. */
export interface HighestCosts {
  /** One connection, from the handshake until the broker has removed its data. */
  readonly connection: number;
  /** One more frame on it, without password hashes. */
  readonly frame: number;
}

/** The stored part of a CONNECT is paid once per connection, so it counts there and not per frame. */
export function highestCosts(costs: ReadonlyMap<string, Cost>): HighestCosts {
  const dollarsOf = (name: string) => costs.get(name)?.dollars ?? 0;
  const frames = attacks.filter(({ name }) => name.startsWith('with ') && name !== incompleteConnectName);
  const each = frames.map((attack) => dollarsOf(attack.name) - hashDollars(attack) - dollarsOf(silentConnection));
  return { connection: dollarsOf(incompleteConnectName), frame: Math.max(...each) };
}

type LimitOptions = Pick<BrokerOptions, 'connectRate' | 'throttleRate' | 'maxConcurrency' | 'onPacketsMemoryMb'>;

/**
 * Maximum cost of clients without credentials in an hour, in dollars: as many connections and frames as the gateway accepts, each
 * at the highest cost, and all permitted Lambda functions computing all the time.
 */
function worstHour(
  { connectRate, throttleRate, maxConcurrency, onPacketsMemoryMb }: LimitOptions,
  dearest: HighestCosts,
): number {
  const computing = maxConcurrency * (onPacketsMemoryMb / 1024) * prices.lambdaGbSecond;
  return 3600 * (connectRate * dearest.connection + throttleRate * dearest.frame + computing);
}

/** Maximum cost of an hour by settings, in the order of docs/security.md. */
export function worstHours(costs: ReadonlyMap<string, Cost>): Map<string, number> {
  const defaults = readOptions({});
  const fleet = readOptions({ connectRate: 100, throttleRate: 2000, maxConcurrency: 100 });
  const dearest = highestCosts(costs);
  return new Map([
    ['the defaults', worstHour(defaults, dearest)],
    ['a fleet of thousands', worstHour(fleet, dearest)],
    ['required tokens', 3600 * defaults.connectRate * (costs.get(noToken)?.dollars ?? 0)],
  ]);
}

/** One frame of a client with all permissions, on an open connection. */
interface InsiderFrame {
  readonly name: string;
  /** Runs before the measured frames. */
  readonly prepare?: (insider: NumberedSocket, cloud: Cloud) => Promise<unknown>;
  /** MQTT bytes of the frame with this number. */
  readonly frame: (number: number) => Buffer;
}

const largeMessage = 90_000;

/** All kinds of frames, in the order of docs/security.md. */
export const insiderFrames: readonly InsiderFrame[] = [
  { name: 'PINGREQ', frame: () => generate({ cmd: 'pingreq' }) },
  { name: 'a message that has no recipient, at QoS 0', frame: () => publish(0, { payload: 'x' }) },
  { name: 'a message of 90 KB that has no recipient, at QoS 1', frame: (number) => publish(number, { qos: 1 }) },
  {
    name: 'a message of 90 KB, at QoS 1, to a session of its own that is away',
    prepare: async (_, cloud) => leaveSession(cloud),
    frame: (number) => publish(number, { qos: 1, topic: 'away/a' }),
  },
  { name: 'a retained message of 90 KB', frame: (number) => publish(number, { qos: 1, retain: true }) },
  { name: 'a message of 90 KB at QoS 2 that is never released', frame: (number) => publish(number, { qos: 2 }) },
  {
    name: 'one more byte of a packet of 96 KB that is never finished',
    prepare: (insider) => insider.send(publish(1, { payload: Buffer.alloc(96_000) }).subarray(0, 95_000)),
    frame: () => Buffer.alloc(1),
  },
  {
    name: 'SUBSCRIBE with 1,000 filters',
    frame: (number) => {
      const subscriptions = Array.from({ length: 1000 }, (_, index) => ({
        topic: `${number}/${index}`,
        qos: 0 as const,
      }));
      return generate({ cmd: 'subscribe', messageId: number, subscriptions });
    },
  },
];

/** Number of frames that are measured for each kind. */
const measuredFrames = 4;

/** Measures the cost of one frame of a client with all permissions. */
export async function costOfInsiderFrame({ prepare, frame }: InsiderFrame): Promise<Cost> {
  const cloud = await startCloud({ containers: 1, access: { anonymous: 'everything' } });
  try {
    cloud.clock.hold(); // Keeps timers off the bill.
    const insider = new NumberedSocket(await open(cloud));
    await insider.send(connectPacket({ username: 'ann' }));
    await prepare?.(insider, cloud);
    await cloud.settled();
    await cloud.resetBill();
    for (let number = 1; number <= measuredFrames; number++) {
      await insider.send(frame(number));
      await cloud.settled();
    }
    return scaled(priced(await settledBill(cloud)), 1 / measuredFrames);
  } finally {
    await cloud.stop();
  }
}

/** Cost of each kind of frame, by name. */
export async function costsOfInsiderFrames(): Promise<Map<string, Cost>> {
  const costs = new Map<string, Cost>();
  for (const frame of insiderFrames) costs.set(frame.name, await costOfInsiderFrame(frame));
  return costs;
}

/** Cost of an hour of such frames in dollars, at the rate that the gateway accepts by default. */
export function insiderHour({ dollars }: Cost): number {
  return 3600 * readOptions({}).throttleRate * dollars;
}

/** A WebSocket with numbered frames. */
class NumberedSocket {
  private number = 0;

  constructor(private readonly socket: WebSocket) {}

  async send(bytes: Buffer): Promise<void> {
    this.number += 1;
    sendInFrames(this.socket, `${this.number}.${bytes.toString('base64')}`);
  }
}

function publish(messageId: number, fields: Partial<IPublishPacket>): Buffer {
  const payload = Buffer.alloc(largeMessage, 'x');
  return generate({ cmd: 'publish', topic: 'a/b', payload, qos: 0, dup: false, retain: false, messageId, ...fields });
}

async function leaveSession(cloud: Cloud): Promise<void> {
  const away = await TextClient.connect(cloud.gatewayUrl, 'away', { clean: false });
  await away.subscribe(1, 'away/+');
  await away.disconnect();
}

async function open(cloud: Cloud, query = ''): Promise<WebSocket> {
  const socket = new WebSocket(cloud.gatewayUrl + query, 'mqtt');
  await once(socket, 'open');
  return socket;
}

function sendingFrame(bytes: Buffer) {
  return async (cloud: Cloud) => (await open(cloud)).send(`1.${bytes.toString('base64')}`);
}

function connecting(fields: object) {
  return sendingFrame(connectPacket({ protocolVersion: 5, ...fields }));
}

function connectPacket(fields: object): Buffer {
  const connect = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'c', clean: true, keepalive: 60 };
  const packet = { ...connect, ...fields };
  return generate(packet as Packet, { protocolVersion: packet.protocolVersion });
}

function scramFields() {
  const authenticationData = Buffer.from('n,,n=ann,r=fyko+d2lbbFgONRv9qkxdawL');
  return { properties: { authenticationMethod: 'SCRAM-SHA-256', authenticationData } };
}

/** A CONNECT of this size without its last ten bytes. */
function incompleteConnect(size: number): Buffer {
  const length = size - 4; // The fixed header has four bytes.
  return Buffer.concat([Buffer.from([0x10, ...varintBytes(length)]), Buffer.alloc(length - 10)]);
}

/** The gateway accepts messages of 128 KB in four frames of 32 KB, and bills each. */
async function sendLongMessage(cloud: Cloud): Promise<void> {
  sendInFrames(await open(cloud), `1.${Buffer.alloc(96_000).toString('base64')}`);
}

function sendInFrames(socket: WebSocket, text: string): void {
  const step = 32_000;
  for (let start = 0; start < text.length; start += step)
    socket.send(text.slice(start, start + step), { fin: start + step >= text.length });
}

/** Prints the tables of docs/security.md. */
async function main(): Promise<void> {
  const costs = await costsOfAttacks();
  for (const [name, { messages, requests, invocations, reads, writes, dollars }] of costs) {
    const cells = [name, messages, requests, invocations, reads, writes, `$${(dollars * 1e6).toFixed(2)}`];
    console.log(`| ${cells.join(' | ')} |`);
  }
  const dearest = highestCosts(costs);
  console.log(
    `a million connections at most $${(dearest.connection * 1e6).toFixed(2)}, a million frames $${(dearest.frame * 1e6).toFixed(2)}`,
  );
  for (const [name, dollars] of worstHours(costs)) console.log(`an hour of ${name} at most $${dollars.toFixed(2)}`);
  for (const [name, cost] of await costsOfInsiderFrames()) {
    const { messages, invocations, reads, writes, dollars } = cost;
    const prices = [`$${(dollars * 1e6).toFixed(2)}`, `$${insiderHour(cost).toFixed(2)}`];
    console.log(`| ${[name, messages, invocations, reads, writes, ...prices].join(' | ')} |`);
  }
}

if (require.main === module) main();
