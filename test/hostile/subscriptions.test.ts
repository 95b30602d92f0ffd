/*
 * Subscriptions as a weapon: shapes, shares, and what is left of many of them. Proved elsewhere: who may add shapes:
 * test/broker/topic-index/shape-limit.test.ts; their removal, interleaved: test/broker/topic-index/shape-removal.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Client5, publishPacket } from '../support/client5';
import { hashingOnce } from '../support/guarded-broker';
import { Battlefield, login } from './battlefield';

/** Access rules that allow everything, so that only numeric limits apply. */
const access = { rules: [{ name: 'everything', actions: ['all'], topics: ['#'] }] };

describe('an insider with subscriptions', () => {
  let field: Battlefield;
  let attacker: Client5;

  beforeAll(async () => {
    field = await Battlefield.start(access, hashingOnce);
    await field.addDevice('device');
    attacker = await field.enter('device', 'attacker', { keepalive: 540 });
  });

  afterAll(() => field.stop());

  /** Returns the units of a QoS 0 message without subscribers, and of a SUBSCRIBE, both of other clients. */
  async function unitsOfOthers(round: string) {
    const other = await field.enter('calm', `other ${round}`, { keepalive: 540 });
    await other.publish('others/of/x', 'x');
    await field.cloud.settled();
    await field.cloud.resetBill();
    await other.publish('others/of/x', 'x');
    const publish = (await field.cloud.bill()).dynamodb;
    await field.cloud.resetBill();
    await other.subscribe({ topic: 'others/x', qos: 0 });
    await field.cloud.settled();
    const subscribe = (await field.cloud.bill()).dynamodb;
    await field.guarded.broker.leave(other);
    return { publish: publish.reads + publish.writes, subscribe: subscribe.reads + subscribe.writes };
  }

  it('who subscribes to filters of maximum length does not raise the cost of others', async () => {
    const before = await unitsOfOthers('before');
    const literal = Array.from({ length: 1024 }, () => 'a');
    const filters = Array.from({ length: 8 }, (_, index) => literal.map((level, at) => (at === index ? '+' : level)));
    const patterned = Array.from({ length: 8 }, (_, index) =>
      literal.map((level, at) => (at % 2 ? level : '+')).slice(index),
    );
    const codes: number[] = [];
    await field.keepPace(async () => {
      for (const parts of [...filters, ...patterned]) codes.push(...(await attacker.subscribe(parts.join('/'))));
    });
    const after = await unitsOfOthers('after');

    expect(codes.slice(0, 8)).toEqual(Array(8).fill(2));
    expect(codes.slice(8)).toEqual(Array(8).fill(0x97));
    expect(after.publish).toBeLessThanOrEqual(before.publish);
    expect(after.subscribe).toBeLessThanOrEqual(before.subscribe);
  });

  it('who uses all shapes of an account raises the cost of a publish of others by one unit at most, until it leaves', async () => {
    const before = await unitsOfOthers('before many');
    const wild = (number: number) => [...number.toString(2).padStart(12, '0')].map((bit) => (bit === '1' ? '+' : 'a'));
    const filters = Array.from({ length: 200 }, (_, index) => wild(index + 1).join('/'));
    const granted: number[] = [];
    const clients: Client5[] = [];
    for (let start = 0; start < filters.length; start += 20) {
      const client = await field.enter('device', `shapes ${start}`, { keepalive: 540 });
      granted.push(...(await client.subscribe(filters.slice(start, start + 20))).filter((code) => code < 0x80));
      clients.push(client);
    }
    const during = await unitsOfOthers('during');
    for (const client of clients) await field.guarded.broker.leave(client);
    await field.guarded.broker.pass(300);
    const after = await unitsOfOthers('after many');

    expect(granted.length).toBeLessThanOrEqual(128);
    expect(during.publish).toBeLessThanOrEqual(before.publish + 1);
    expect(during.subscribe).toBeLessThanOrEqual(before.subscribe + 6); // each KB of the list is a write unit
    expect(after).toEqual(before);
    await field.checkBill();
  });

  it.each([4, 5] as const)('who unsubscribes from what it never had writes nothing, in version %i', async (version) => {
    const names = Array.from({ length: 500 }, (_, index) => `calm/${index}`);
    await attacker.ping();
    const older = version === 4 ? await field.guarded.older.connect(`older`, login('device')) : undefined;
    await field.cloud.settled();
    await field.cloud.resetBill();
    if (older) {
      older.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: names });
      await older.next('unsuback');
    } else expect(new Set(await attacker.unsubscribe(...names))).toEqual(new Set([0x11]));
    await field.cloud.settled();

    expect((await field.cloud.bill()).dynamodb.writes).toBeLessThanOrEqual(1);
    await field.checkBill();
  });

  it('who subscribes again to the same filters does not invalidate the caches of containers', async () => {
    const client = await field.enter('device', 'again', { keepalive: 540 });
    await client.subscribe({ topic: 'calm/+', qos: 0, rh: 2 });
    await client.unsubscribe('calm/+');
    await client.subscribe({ topic: 'mine/+', qos: 0, rh: 2 }); // the shape of the calm pair
    await field.checkBill();
    await client.subscribe({ topic: 'mine/+', qos: 0, rh: 2 });
    await field.cloud.settled();
    await field.cloud.resetBill();
    await client.subscribe({ topic: 'mine/+', qos: 0, rh: 2 });
    await field.cloud.settled();

    expect((await field.cloud.bill()).dynamodb.writes).toBeLessThanOrEqual(3);
    await field.checkBill();
  });

  it('who is in hundreds of shares receives a message through sixteen of them', async () => {
    const client = await field.enter('device', 'shares', { keepalive: 540 });
    const shares = Array.from({ length: 300 }, (_, index) => ({
      topic: `$share/g${index}/tasks/of/x`,
      qos: 1 as const,
    }));
    for (let start = 0; start < shares.length; start += 100) await client.subscribe(shares.slice(start, start + 100));
    await field.cloud.settled();
    await field.cloud.resetBill();
    attacker.send(publishPacket('tasks/of/x', 'x', { qos: 1, messageId: 1 }));
    await attacker.next('puback');
    for (let count = 0; count < 16; count++) await client.next('publish');
    await field.cloud.settled();
    const { dynamodb } = await field.cloud.bill();

    expect(await field.guarded.broker.heardBy(client)).toEqual([]);
    expect(dynamodb.writes).toBeLessThan(30);
    await field.guarded.broker.leave(client);
  });

  it('whose session ends with thousands of subscriptions is removed in several turns without an effect on others', async () => {
    const topics = Array.from({ length: 2000 }, (_, index) => `s/${index}/x`);
    const client = await field.enter('device', 'many', { keepalive: 540 });
    for (let start = 0; start < topics.length; start += 250) {
      await client.subscribe(topics.slice(start, start + 250).map((topic) => ({ topic, qos: 0, rh: 2 })));
    }
    let again: Client5 | undefined;
    await field.keepPace(async () => {
      again = await field.enter('device', 'many', { keepalive: 540 }); // a clean start over all of them
      await again.subscribe({ topic: 's/7/x', qos: 1, rh: 2 });
      await attacker.publish('s/8/x', 'for nobody', { qos: 1 });
      await attacker.publish('s/7/x', 'for the new one', { qos: 1 });
      expect((await again.hear()).text).toBe('for the new one');
    });
    expect(await field.guarded.broker.heardBy(again!)).toEqual([]);
    await field.guarded.broker.leave(again!);
    await field.cloud.settled();

    expect(await field.guarded.stored()).not.toContain('s/1999/x');
    expect(await field.guarded.stored()).not.toContain('s/7/x');
  });
});
