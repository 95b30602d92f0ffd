import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Cloud, startCloud } from '../../local/cloud';
import type { Fault } from '../../local/fault-rules';
import { CallJournal } from './call-journal';
import { type Dialect, StormPublisher, StormSubscriber } from './storm-client';

/** Of four publishers, or one, in each of the storms: 2,000 in all. `STORM_MESSAGES=1000 npx jest test/faults` is a longer one. */
const messagesPerPublisher = Number(process.env.STORM_MESSAGES ?? 80);
/** Both versions, and a client that takes fewer messages at a time than a publisher sends. */
const dialects: readonly Dialect[] = [{ version: 4 }, { version: 5, receiveMaximum: 7 }];
/** Another seed is another storm: `STORM_SEED=8 npx jest test/faults`. */
const seed = Number(process.env.STORM_SEED ?? 7);
/** Long enough for the queue to hand an event out again many times over. */
const patience = 120_000;

/** How often a container dies at a call, before it and after it; at this rate many turns die several times. */
const kills = Number(process.env.STORM_KILLS ?? 0.004);

/** What the network and AWS may do, a little more often than they do. */
const storms: Record<string, Fault[]> = {
  'frames are duplicated, delayed and reordered': [
    { fault: 'frame', does: 'duplicate', probability: 0.1 },
    { fault: 'frame', does: 'reorder', probability: 0.1, milliseconds: 30 },
    { fault: 'frame', does: 'delay', probability: 0.05, milliseconds: 30 },
  ],
  'containers are killed between any two effects': [
    { fault: 'call', outcome: 'kill', when: 'before', probability: kills },
    { fault: 'call', outcome: 'kill', when: 'after', probability: kills },
  ],
  'calls are throttled, half done, or fail with and without effect': [
    { fault: 'call', outcome: 'throttle', probability: 0.02 },
    { fault: 'call', outcome: 'partial', probability: 0.02 },
    { fault: 'call', outcome: 'fail', when: 'before', probability: 0.01 },
    { fault: 'call', outcome: 'fail', when: 'after', probability: 0.01 },
  ],
  'sockets are cut and nobody says so': [
    { fault: 'frame', does: 'cut', probability: 0.01 },
    { fault: 'lose-disconnect', probability: 0.5 },
  ],
  'clients take over from themselves': [],
  'everything goes wrong at once': [
    { fault: 'frame', does: 'duplicate', probability: 0.05 },
    { fault: 'frame', does: 'reorder', probability: 0.05, milliseconds: 30 },
    { fault: 'frame', does: 'cut', probability: 0.005 },
    { fault: 'lose-disconnect', probability: 0.5 },
    { fault: 'call', outcome: 'kill', when: 'before', probability: kills / 2 },
    { fault: 'call', outcome: 'kill', when: 'after', probability: kills / 2 },
    { fault: 'call', outcome: 'throttle', probability: 0.01 },
    { fault: 'call', outcome: 'fail', when: 'after', probability: 0.005 },
  ],
};

/** Storms in which clients connect anew without having ended their former connection. */
const withTakeovers = new Set(['clients take over from themselves', 'everything goes wrong at once']);

/** Lets a client take over now and then, until the returned function is called. */
function takeovers(name: string, clients: readonly (StormPublisher | StormSubscriber)[]): () => void {
  if (!withTakeovers.has(name)) return () => undefined;
  const timer = setInterval(() => clients[Math.floor(Math.random() * clients.length)]?.takeOver(), 150);
  return () => clearInterval(timer);
}

/** The first time each number was heard. */
function firsts(numbers: readonly number[]): number[] {
  return [...new Set(numbers)];
}

const flawless = { lost: [], doubled: [], disordered: [] };

/** What is wrong with the numbers a subscriber heard of one publisher. */
function flaws(numbers: readonly number[]): { lost: number[]; doubled: number[]; disordered: number[] } {
  const everything = Array.from({ length: messagesPerPublisher }, (_, number) => number);
  return {
    lost: everything.filter((number) => !numbers.includes(number)),
    doubled: numbers.filter((number, index) => numbers.indexOf(number) !== index),
    disordered: firsts(numbers).filter((number, index, all) => index > 0 && number < (all[index - 1] ?? 0)),
  };
}

describe('a storm in which', () => {
  let cloud: Cloud;
  const clients: (StormPublisher | StormSubscriber)[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.stop();
    await cloud.stop();
  });

  for (const [name, faults] of Object.entries(storms)) {
    it(`${name} loses no acknowledged message, doubles none at QoS 2 and keeps the order`, async () => {
      const journal = new CallJournal();
      const { observe } = journal;
      cloud = await startCloud({ visibilitySeconds: 0.3, containers: 2, seed, log: () => undefined, observe });
      const subscribers = [1, 2].map(
        (qos) => new StormSubscriber(cloud.gatewayUrl, `q${qos}`, qos as 1 | 2, dialects[qos - 1]),
      );
      for (const subscriber of subscribers) subscriber.start();
      clients.push(...subscribers);
      await Promise.all(subscribers.map(({ subscribed }) => subscribed));
      await cloud.faults.set(...faults);

      const publishers = ([1, 2, 1, 2] as const).map(
        (qos, index) =>
          new StormPublisher(cloud.gatewayUrl, `q${qos}-${index}`, qos, messagesPerPublisher, dialects[index >> 1]),
      );
      for (const publisher of publishers) publisher.start();
      clients.push(...publishers);
      const stopTakeovers = takeovers(name, clients);
      const end = Date.now() + patience;
      while (!publishers.every(({ done }) => done) && Date.now() < end) await sleep(50);
      stopTakeovers();
      await cloud.faults.clear();
      while (!publishers.every(({ done }) => done) && Date.now() < end + patience / 2) await sleep(50);
      await arrived(cloud, subscribers);

      expect(publishers.map(({ acknowledged }) => acknowledged)).toEqual(publishers.map(() => messagesPerPublisher));
      for (const [index, { messages }] of subscribers.entries()) {
        expect([...messages.keys()].sort()).toEqual(['storm/q1-0', 'storm/q1-2', 'storm/q2-1', 'storm/q2-3']);
        for (const [topic, numbers] of messages) {
          const exactlyOnce = index === 1 && topic.startsWith('storm/q2');
          const found = flaws(exactlyOnce ? numbers : firsts(numbers));
          for (const number of Object.values(found).flat()) console.error(journal.about(topic, String(number)));
          expect({ index, topic, ...found }).toEqual({
            index,
            topic,
            ...flawless,
          });
        }
      }
    }, 300_000);
  }
});

describe('a storm over a shared subscription, in which', () => {
  let cloud: Cloud;
  const clients: (StormPublisher | StormSubscriber)[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.stop();
    await cloud.stop();
  });

  for (const [name, faults] of Object.entries(storms)) {
    it(`[MQTT-4.8.2-3] ${name} gives each QoS 2 message to one member, once, and in order`, async () => {
      cloud = await startCloud({ visibilitySeconds: 0.3, containers: 2, seed, log: () => undefined });
      const members = ['one', 'two'].map(
        (member) => new StormSubscriber(cloud.gatewayUrl, member, 2, { version: 5 }, '$share/crew/storm/+'),
      );
      for (const member of members) member.start();
      clients.push(...members);
      await Promise.all(members.map(({ subscribed }) => subscribed));
      await cloud.faults.set(...faults);

      const publisher = new StormPublisher(cloud.gatewayUrl, 'q2', 2, messagesPerPublisher, { version: 5 });
      publisher.start();
      clients.push(publisher);
      const end = Date.now() + patience;
      while (!publisher.done && Date.now() < end) await sleep(50);
      await cloud.faults.clear();
      while (!publisher.done && Date.now() < end + patience / 2) await sleep(50);
      await arrived(cloud, members);

      const heard = members.map(({ messages }) => messages.get('storm/q2') ?? []);
      expect(heard.flat().sort((one, other) => one - other)).toEqual(
        Array.from({ length: messagesPerPublisher }, (_, number) => number),
      );
      for (const numbers of heard) expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
    }, 300_000);
  }
});

/** Reconnects the subscribers, which fetches all queued messages; returns when a ping of each brings no other packet. */
async function arrived(cloud: Cloud, subscribers: readonly StormSubscriber[]): Promise<void> {
  await cloud.settled();
  for (const subscriber of subscribers) subscriber.cut();
  const before = subscribers.map(({ connections }) => connections);
  while (subscribers.some(({ connections }, index) => connections === before[index])) await sleep(20);
  const packets = () => subscribers.reduce((sum, { packetCount }) => sum + packetCount, 0);
  for (let last = -1; last !== packets(); ) {
    last = packets();
    await cloud.settled();
    await Promise.all(subscribers.map((subscriber) => subscriber.ping()));
  }
}
