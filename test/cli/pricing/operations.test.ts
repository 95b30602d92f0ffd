import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { QoS } from 'mqtt-packet';
import { settledBill } from '../../../bench/cost';
import type { Fleet } from '../../../cli/pricing/fleet';
import { ping, publication, reconnect } from '../../../cli/pricing/operations';
import { type Cloud, startCloud } from '../../../local/cloud';
import { publishPacket, TextClient } from '../../support/text-client';
import { fleet } from './fleets';
import { comparable, measured } from './measured';

jest.setTimeout(180_000);

/** Runs one operation at a time in one warm container, where every unit must equal the model. */
describe('the units', () => {
  let cloud: Cloud;
  let publisher: TextClient;
  const subscribers: TextClient[] = [];

  beforeAll(async () => {
    cloud = await startCloud({ containers: 1 });
    cloud.clock.hold(); // no timer is on the bill but those that the test wants
    publisher = await TextClient.connect(cloud.gatewayUrl, 'publisher', { keepalive: 540 });
    for (const name of ['one', 'two', 'three']) {
      subscribers.push(await TextClient.connect(cloud.gatewayUrl, name, { keepalive: 540 }));
    }
    for (const qos of [0, 1, 2] as const) {
      for (const [index, subscriber] of subscribers.entries()) {
        for (let fanout = index + 1; fanout <= subscribers.length; fanout++) {
          await subscriber.subscribe(qos, `${topicOf({ qos, fanout })}`);
        }
      }
    }
  });

  afterAll(() => cloud.stop());

  const topicOf = ({ qos, fanout }: Pick<Fleet, 'qos' | 'fanout'>) => `qos${qos}/fanout${fanout}`;

  async function billOf(work: () => Promise<unknown>) {
    await cloud.settled();
    await cloud.resetBill();
    await work();
    return { ...measured(await settledBill(cloud)), connectionMinutes: 0 };
  }

  async function publish(of: Fleet): Promise<void> {
    const ids = Array.from({ length: of.burst }, (_, index) => index + 1);
    const { qos, retained: retain } = of;
    const payload = Buffer.alloc(of.payload, 'x');
    publisher.send(...ids.map((messageId) => publishPacket(topicOf(of), payload, { qos, messageId, retain })));
    if (qos === 1) await arrivals(publisher, 'puback', of.burst);
    if (qos === 2) {
      await arrivals(publisher, 'pubrec', of.burst);
      publisher.send(...ids.map((messageId) => ({ cmd: 'pubrel', messageId }) as const));
      await arrivals(publisher, 'pubcomp', of.burst);
    }
    await cloud.settled();
    for (const subscriber of subscribers.slice(0, of.fanout)) await acknowledge(subscriber, qos, of.burst);
  }

  /** Sends one frame for each step, and waits until it is handled. */
  async function acknowledge(subscriber: TextClient, qos: QoS, burst: number): Promise<void> {
    const ids = (await arrivals(subscriber, 'publish', burst)).map(({ messageId }) => messageId);
    if (qos === 0) return;
    subscriber.send(...ids.map((messageId) => ({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId }) as const));
    if (qos === 2) {
      await arrivals(subscriber, 'pubrel', burst);
      subscriber.send(...ids.map((messageId) => ({ cmd: 'pubcomp', messageId }) as const));
    }
    await cloud.settled();
  }

  async function arrivals<Cmd extends 'publish' | 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'>(
    client: TextClient,
    cmd: Cmd,
    count: number,
  ) {
    const arrived = [];
    while (arrived.length < count) arrived.push(await client.next(cmd));
    return arrived;
  }

  const cases = [0, 1, 2].flatMap((qos) => [
    { qos, fanout: 0 },
    { qos, fanout: 1 },
    { qos, fanout: 3 },
    { qos, payload: 2_900 },
    { qos, payload: 20_000, fanout: 2 },
    { qos, payload: 60_000 },
    { qos, payload: 100, retained: true },
    { qos, payload: 10_000, retained: true },
  ]) as Partial<Fleet>[];

  it.each(cases)('of a message equal the bill: %j', async (of) => {
    const one = fleet(of);
    await publish(one); // containers remember who subscribes, and a retained message is there

    expect(await billOf(() => publish(one))).toEqual(comparable(publication(one)));
  });

  const bursts = [0, 1].flatMap((qos) => [
    { qos, burst: 10 },
    { qos, burst: 32, fanout: 2 },
    { qos, burst: 100 },
    { qos, burst: 10, payload: 2_000 },
  ]) as Partial<Fleet>[];

  it.each(bursts)('of a burst equal the bill: %j', async (of) => {
    const one = fleet(of);
    await publish(one);

    expect(await billOf(() => publish(one))).toEqual(comparable(publication(one)));
  });

  it.each([10, 32])('of a burst of %i at QoS 2 equal the bill', async (burst) => {
    const one = fleet({ qos: 2, burst });
    await publish(one);

    expect(await billOf(() => publish(one))).toEqual(comparable(publication(one)));
  });

  it('of a PINGREQ equal the bill', async () => {
    expect(await billOf(() => publisher.ping())).toEqual(comparable(ping));
  });

  it('of a reconnect equal the bill', async () => {
    const connect = () => TextClient.connect(cloud.gatewayUrl, 'visitor', { clean: false, keepalive: 540 });
    const visitor = await connect();
    await visitor.subscribe(1, 'visits');
    cloud.clock.jump(11_000); // it was let in
    await cloud.settled();

    const bill = await billOf(async () => {
      visitor.cut();
      await visitor.closed();
      await cloud.settled();
      await connect();
      await cloud.settled();
      cloud.clock.jump(11_000);
    });
    expect(bill).toEqual(comparable(reconnect));
  });
});
