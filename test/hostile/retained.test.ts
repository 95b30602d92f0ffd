// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of rules are written so
/*
 * Retained messages as a weapon: many first levels, large messages, many filters at once. Proved elsewhere: the order of retained and
 * live messages: test/broker/publishing/retained-order.test.ts; the removal of first levels, interleaved: test/storage/retained-levels.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Packet } from 'mqtt-packet';
import { type Client5, publishPacket } from '../support/client5';
import { hashingOnce } from '../support/guarded-broker';
import { Battlefield } from './battlefield';

/** Access rules that allow everything, so that only numeric limits apply. */
const access = { rules: [{ name: 'everything', actions: ['all'], topics: ['#'] }] };

/** Reason code of MQTT 5.0. */
const quotaExceeded = 0x97;

const options = { ...hashingOnce, settings: { maxRetainedPerUser: 600 } };

describe('an insider with retained messages', () => {
  let field: Battlefield;
  let attacker: Client5;

  beforeAll(async () => {
    field = await Battlefield.start(access, options);
    await field.addDevice('device');
    await field.addDevice('reader');
    attacker = await field.enter('device', 'attacker', { keepalive: 540 });
  });

  afterAll(() => field.stop());

  /** Publishes retained QoS 1 messages, `perFrame` in a frame; returns the reason codes of their PUBACKs. */
  async function retain(topics: readonly string[], payload: string | Buffer, perFrame = 5): Promise<number[]> {
    const codes: number[] = [];
    for (let start = 0; start < topics.length; start += perFrame) {
      const part = topics.slice(start, start + perFrame);
      attacker.send(
        ...part.map((topic, index) => publishPacket(topic, payload, { qos: 1, messageId: index + 1, retain: true })),
      );
      for (const _ of part) codes.push((await attacker.next('puback')).reasonCode ?? 0);
    }
    return codes;
  }

  /** Returns the read units of a new client that subscribes to a filter, and the messages that it receives. */
  async function subscribeAnew(filter: string, expected: number) {
    const reader = await field.enter('reader', `reader ${Math.random()}`, { keepalive: 540 });
    await field.cloud.settled();
    await field.cloud.resetBill();
    await reader.subscribe({ topic: filter, qos: 0 });
    for (let count = 0; count < expected; count++) await reader.next('publish');
    await field.cloud.settled();
    const { dynamodb, lambda } = await field.cloud.bill();
    const left = await field.guarded.broker.heardBy(reader);
    await field.guarded.broker.leave(reader);
    return { reads: dynamodb.reads, invocations: lambda.functions.onPackets.invocations, left };
  }

  it('who has used many first levels and removed their messages does not raise the cost of a SUBSCRIBE of others', async () => {
    const before = await subscribeAnew('+/+/+', 0);
    const levels = Array.from({ length: 200 }, (_, index) => `level-${index}/x/y`);
    await field.keepPace(async () => {
      await retain(levels, 'x');
      await retain(levels, '');
    });
    const after = await subscribeAnew('+/+/+', 0);

    expect(after.reads).toBeLessThanOrEqual(before.reads + 1);
    expect(await field.guarded.stored()).not.toContain('level-');
  });

  it('with large messages causes reads in pages, and nobody waits for them', async () => {
    const topics = Array.from({ length: 60 }, (_, index) => `large-${index}/x/y`);
    await retain(topics, Buffer.alloc(90_000, 'x'), 1);
    const reader = await field.enter('reader', 'reads all', { keepalive: 540 });
    const heard = new Set<string>();
    await field.cloud.settled();
    await field.cloud.resetBill();
    await field.keepPace(async () => {
      await reader.subscribe({ topic: '+/+/+', qos: 0 });
      while (heard.size < topics.length) heard.add((await reader.next('publish')).topic);
    });
    const { lambda } = await field.cloud.bill();

    expect(heard).toEqual(new Set(topics));
    expect(lambda.functions.onPackets.invocations).toBeGreaterThan(5);
    await retain(topics, '');
    await field.guarded.broker.leave(reader);
  });

  it('who subscribes to the same filter repeatedly in a frame receives its messages once', async () => {
    const topics = Array.from({ length: 20 }, (_, index) => `same/x/${index}`);
    await retain(topics, 'x');
    const client = await field.enter('device', 'repeats itself', { keepalive: 540 });
    const subscribe = (messageId: number): Packet => ({
      cmd: 'subscribe',
      messageId,
      subscriptions: [{ topic: 'same/x/+', qos: 0, nl: false, rap: false, rh: 0 }],
    });
    await field.keepPace(async () => {
      client.send(...Array.from({ length: 50 }, (_, index) => subscribe(index + 1)));
      for (let count = 0; count < 50; count++) await client.next('suback');
    });
    const heard = await field.guarded.broker.heardBy(client);

    expect(heard.map(({ topic }) => topic).sort()).toEqual([...topics].sort());
    await retain(topics, '');
    await field.guarded.broker.leave(client);
  });

  it('who subscribes to five hundred filters at once receives the messages of each in many turns', async () => {
    const topics = Array.from({ length: 500 }, (_, index) => `f/x/${index}`);
    await retain(topics, 'x');
    const client = await field.enter('device', 'wants everything', { keepalive: 540 });
    const heard = new Set<string>();
    await field.keepPace(async () => {
      await client.subscribe(topics.map((topic) => ({ topic, qos: 0 })));
      while (heard.size < topics.length) heard.add((await client.next('publish')).topic);
    });

    expect(await field.guarded.broker.heardBy(client)).toEqual([]);
    await field.guarded.broker.leave(client);
    await retain(topics, '');
  });

  it('gets Quota exceeded at the limit of its account, and others continue', async () => {
    const topics = Array.from({ length: 601 }, (_, index) => `mine/x/${index}`);
    const codes = await retain(topics, 'x');
    const calm = await field.enter('calm', 'calm-retainer', { keepalive: 540 });

    expect(codes.filter((code) => code === quotaExceeded)).toHaveLength(1);
    expect(await calm.publish('others/x/y', 'x', { qos: 1, retain: true })).toBe(0x10);
    expect(await retain(['mine/x/7'], 'y')).toEqual([0x10]);
    expect(field.guarded.logged('limit').at(-1)).toMatchObject({
      ...{ limit: 'retained messages of a user', allowed: 600, account: 'user#device' },
    });
    await calm.publish('others/x/y', '', { qos: 1, retain: true });
    await field.guarded.broker.leave(calm);
  });

  it('causes work that ends with its connection', async () => {
    const client = await field.enter('device', 'leaves', { keepalive: 540 });
    client.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: 'mine/x/+', qos: 0, nl: false, rap: false, rh: 0 }],
    });
    await client.next('suback');
    await field.guarded.broker.older.lose(client.line);
    await field.cloud.settled();
    await field.cloud.resetBill();
    await field.checkBill();
    await retain(
      Array.from({ length: 600 }, (_, index) => `mine/x/${index}`),
      '',
    );

    expect((await subscribeAnew('+/+/+', 0)).left).toEqual([]);
    expect(await field.guarded.stored()).not.toContain('mine/');
    expect(await field.guarded.stored()).not.toContain('account user#device');
  });
});
