import { afterEach, expect } from '@jest/globals';
import type { Fault } from '../../local/fault-rules';
import { Broker5 } from '../support/broker5';
import { clause } from '../support/clause';
import type { Client5 } from '../support/client5';

/** Another seed is another storm: `STORM_SEED=8 npx jest test/faults`. */
const seed = Number(process.env.STORM_SEED ?? 7);
/** Seconds, much longer than the retries of this test take, because the clock also runs in real time. */
const willDelay = 180;
const sessionExpiry = 360;
const names = Array.from({ length: 8 }, (_, index) => `device-${index}`);

/** Workers die, timers and $disconnect events are lost, and calls are throttled while connections end. */
const troubles: Fault[] = [
  { fault: 'call', outcome: 'kill', when: 'before', function: 'onPackets', probability: 0.02 },
  { fault: 'call', outcome: 'kill', when: 'after', function: 'onPackets', probability: 0.02 },
  { fault: 'call', outcome: 'kill', function: 'onTimer', probability: 0.1 },
  { fault: 'call', outcome: 'throttle', function: 'onPackets', probability: 0.05 },
  { fault: 'lose-disconnect', probability: 0.3 },
];

let broker: Broker5;
let observer: Client5;
const heard: string[] = [];

afterEach(() => broker.stop());

async function begin(): Promise<void> {
  broker = await Broker5.start({ visibilitySeconds: 0.2, seed, verbose: false, log: () => undefined });
  observer = await broker.connect('observer', { keepalive: 0 });
  await observer.subscribe({ topic: 'lost/#', qos: 1 });
}

/** Returns the messages that the observer has received, after acknowledging them. */
async function listen(): Promise<readonly string[]> {
  for (const { topic, qos } of await broker.heardBy(observer)) if (qos === 1) heard.push(topic);
  return heard;
}

async function connect(clientId: string): Promise<Client5> {
  const will = {
    topic: `lost/${clientId}`,
    payload: Buffer.from('gone'),
    qos: 1,
    retain: false,
    properties: { willDelayInterval: willDelay },
  } as const;
  return broker.resume(clientId, sessionExpiry, { keepalive: 10, will });
}

clause(
  ['MQTT-3.1.2-8', 'MQTT-3.1.3-9', 'MQTT-3.1.2-23', 'MQTT-4.1.0-2'],
  'whatever dies meanwhile, a will comes after its delay, not before, unless its client returns, and a session ends when it expires',
  async () => {
    await begin();
    for (const name of names) await (await connect(name)).subscribe({ topic: `to/${name}`, qos: 1 });
    const connections = broker.cloud.connections().slice(1);
    await broker.cloud.faults.set(...troubles);
    for (const connection of connections) broker.cloud.faults.cut(connection);
    await broker.pass(16); // the keep-alives of connections whose $disconnect was lost have expired
    expect(await listen()).toEqual([]);

    await broker.cloud.faults.clear();
    const [returning = '', ...others] = names;
    const back = await connect(returning);
    expect(back.connack?.sessionPresent).toBe(true);
    await broker.leave(back);
    await broker.cloud.faults.set(...troubles);
    await broker.pass(willDelay + 30);
    await broker.cloud.faults.clear();
    await broker.pass(sessionExpiry);
    expect([...new Set(await listen())].sort()).toEqual(others.map((name) => `lost/${name}`));

    for (const name of others) {
      const { connack } = await broker.resume(name, 0);
      expect({ name, sessionPresent: connack?.sessionPresent }).toEqual({ name, sessionPresent: false });
    }
    expect(broker.cloud.deadLetters().filter(({ queue }) => queue === 'packets')).toEqual([]);
  },
);
