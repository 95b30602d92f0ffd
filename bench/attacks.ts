import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { generate, type IPublishPacket, type Packet } from 'mqtt-packet';
import { WebSocket } from 'ws';
import { type BrokerOptions, readOptions } from '../lib/options';
import { prices } from '../local/bill';
import { type Cloud, startCloud } from '../local/cloud';
import { TextClient } from '../test/support/text-client';
import { type Cost, priced, scaled, settledBill } from './cost';

/**
 * Milliseconds that a hash of a password takes in a Lambda of 1,024 MB, which has 0.58 of a processor: 95 on a whole one of this
 * project's machine.
 */
const hashMilliseconds = 200;

/** What somebody without credentials does with one connection. */
interface Attack {
  readonly name: string;
  /** Of the access file; nobody but users of the accounts table if absent. */
  readonly access?: object;
  /** Hashes that are computed for it. */
  readonly hashes?: number;
  readonly act: (cloud: Cloud) => Promise<unknown>;
}

const tokenless = 'a handshake without a token, where one is required';
const silence = 'a connection that says nothing';
const keptConnect = 'with a CONNECT of 24,000 bytes that is never finished';

const issuers = [{ issuer: 'http://127.0.0.1:9', audience: ['mqtt'] }];

/** All of them, in the order of docs/security.md. */
export const attacks: readonly Attack[] = [
  {
    name: tokenless,
    access: { issuers, handshake: 'required' },
    act: (cloud) => open(cloud).catch(() => undefined),
  },
  {
    name: 'a handshake with a token that is not good',
    access: { issuers },
    act: (cloud) => open(cloud, '?access_token=x').catch(() => undefined),
  },
  { name: silence, act: (cloud) => open(cloud) },
  { name: 'with a frame that is malformed', act: saying(Buffer.from([0xf0, 0])) },
  { name: 'with CONNECT, without credentials', act: connecting({}) },
  {
    name: 'with CONNECT and a wrong password',
    hashes: 1,
    act: connecting({ username: 'ann', password: Buffer.from('guess') }),
  },
  { name: 'with an exchange that is left', act: connecting(exchange()) },
  { name: keptConnect, act: saying(unfinished(24_000)) },
  { name: 'with a message of 128 KB', act: sayingAtLength },
];

/** What the connection of an attack costs, from the handshake until nothing of it is left. */
export async function costOfAttack(attack: Attack): Promise<Cost> {
  const cloud = await startCloud({ containers: 1, access: attack.access ?? {} });
  try {
    await suffer(cloud, attack); // warms up
    await cloud.resetBill();
    await suffer(cloud, attack);
    const cost = priced(await settledBill(cloud));
    return { ...cost, dollars: cost.dollars + hashOf(attack) };
  } finally {
    await cloud.stop();
  }
}

function hashOf({ hashes = 0 }: Attack): number {
  return hashes * (hashMilliseconds / 1000) * prices.lambdaGbSecond;
}

async function suffer(cloud: Cloud, { act }: Attack): Promise<void> {
  await act(cloud);
  await settledBill(cloud);
  cloud.clock.jump(11_000); // longer than `connectTimeout`
  await sleep(5); // timers fire in the next turn
  await cloud.settled();
}

/** What each attack costs, by its name. */
export async function costsOfAttacks(): Promise<Map<string, Cost>> {
  const costs = new Map<string, Cost>();
  for (const attack of attacks) costs.set(attack.name, await costOfAttack(attack));
  return costs;
}

/** Dollars of the dearest that a stranger can do. */
export interface Dearest {
  /** A connection, from its handshake until nothing of it is left. */
  readonly connection: number;
  /** One more frame on it, without the hash that it may make a Lambda compute. */
  readonly frame: number;
}

/** What is kept for a connection is kept once, so it is no matter of frames. */
export function dearestOf(costs: ReadonlyMap<string, Cost>): Dearest {
  const dollarsOf = (name: string) => costs.get(name)?.dollars ?? 0;
  const frames = attacks.filter(({ name }) => name.startsWith('with ') && name !== keptConnect);
  const each = frames.map((attack) => dollarsOf(attack.name) - hashOf(attack) - dollarsOf(silence));
  return { connection: dollarsOf(keptConnect), frame: Math.max(...each) };
}

type Brakes = Pick<BrokerOptions, 'connectRate' | 'throttleRate' | 'maxConcurrency' | 'onPacketsMemoryMb'>;

/**
 * Dollars that strangers can cost in an hour at most: as many connections and as many frames as the gateway lets in, each as dear as
 * can be, and every Lambda that may handle packets at work all the time.
 */
function worstHour({ connectRate, throttleRate, maxConcurrency, onPacketsMemoryMb }: Brakes, dearest: Dearest): number {
  const computing = maxConcurrency * (onPacketsMemoryMb / 1024) * prices.lambdaGbSecond;
  return 3600 * (connectRate * dearest.connection + throttleRate * dearest.frame + computing);
}

/** The same by settings, in the order of docs/security.md. */
export function worstHours(costs: ReadonlyMap<string, Cost>): Map<string, number> {
  const defaults = readOptions({});
  const fleet = readOptions({ connectRate: 100, throttleRate: 2000, maxConcurrency: 100 });
  const dearest = dearestOf(costs);
  return new Map([
    ['the defaults', worstHour(defaults, dearest)],
    ['a fleet of thousands', worstHour(fleet, dearest)],
    ['required tokens', 3600 * defaults.connectRate * (costs.get(tokenless)?.dollars ?? 0)],
  ]);
}

/** One frame of a client that may do everything, on a connection that is open already. */
interface InsiderFrame {
  readonly name: string;
  /** Runs before the frames that are measured. */
  readonly prepare?: (insider: Insider, cloud: Cloud) => Promise<unknown>;
  /** Bytes of the frame; each has a number of its own. */
  readonly frame: (number: number) => Buffer;
}

const largeMessage = 90_000;

/** All of them, in the order of docs/security.md. */
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
    prepare: (insider) => insider.say(publish(1, { payload: Buffer.alloc(96_000) }).subarray(0, 95_000)),
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

/** Frames of each kind that are measured, one after the other. */
const measuredFrames = 4;

/** Measures one frame of an insider. */
export async function costOfInsiderFrame({ prepare, frame }: InsiderFrame): Promise<Cost> {
  const cloud = await startCloud({ containers: 1, access: { anonymous: 'everything' } });
  try {
    cloud.clock.hold(); // no timer is on the bill
    const insider = new Insider(await open(cloud));
    await insider.say(connectPacket({ username: 'ann' }));
    await prepare?.(insider, cloud);
    await cloud.settled();
    await cloud.resetBill();
    for (let number = 1; number <= measuredFrames; number++) {
      await insider.say(frame(number));
      await cloud.settled();
    }
    return scaled(priced(await settledBill(cloud)), 1 / measuredFrames);
  } finally {
    await cloud.stop();
  }
}

/** Measures each frame of an insider; by its name. */
export async function costsOfInsiderFrames(): Promise<Map<string, Cost>> {
  const costs = new Map<string, Cost>();
  for (const frame of insiderFrames) costs.set(frame.name, await costOfInsiderFrame(frame));
  return costs;
}

/** Dollars of an hour of such frames, from one connection or many: as many as the gateway lets in by default. */
export function insiderHour({ dollars }: Cost): number {
  return 3600 * readOptions({}).throttleRate * dollars;
}

/** A connection that numbers its frames. */
class Insider {
  private number = 0;

  constructor(private readonly socket: WebSocket) {}

  async say(bytes: Buffer): Promise<void> {
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

function saying(bytes: Buffer) {
  return async (cloud: Cloud) => (await open(cloud)).send(`1.${bytes.toString('base64')}`);
}

function connecting(fields: object) {
  return saying(connectPacket({ protocolVersion: 5, ...fields }));
}

function connectPacket(fields: object): Buffer {
  const connect = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'c', clean: true, keepalive: 60 };
  const packet = { ...connect, ...fields };
  return generate(packet as Packet, { protocolVersion: packet.protocolVersion });
}

function exchange() {
  const authenticationData = Buffer.from('n,,n=ann,r=fyko+d2lbbFgONRv9qkxdawL');
  return { properties: { authenticationMethod: 'SCRAM-SHA-256', authenticationData } };
}

/** The beginning of a CONNECT of so many bytes: all of it but a few. */
function unfinished(size: number): Buffer {
  const length = size - 4; // the fixed header has four bytes
  const header = [0x10, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14];
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length - 10)]);
}

/** The gateway takes messages of 128 KB in frames of 32 KB, and bills four. */
async function sayingAtLength(cloud: Cloud): Promise<void> {
  sendInFrames(await open(cloud), `1.${Buffer.alloc(96_000).toString('base64')}`);
}

function sendInFrames(socket: WebSocket, text: string): void {
  const step = 32_000;
  for (let start = 0; start < text.length; start += step)
    socket.send(text.slice(start, start + step), { fin: start + step >= text.length });
}

/** The tables of docs/security.md. */
async function main(): Promise<void> {
  const costs = await costsOfAttacks();
  for (const [name, { messages, requests, invocations, reads, writes, dollars }] of costs) {
    const cells = [name, messages, requests, invocations, reads, writes, `$${(dollars * 1e6).toFixed(2)}`];
    console.log(`| ${cells.join(' | ')} |`);
  }
  const dearest = dearestOf(costs);
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
