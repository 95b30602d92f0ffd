import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BrokerApi, RetainedSummary } from '../../clients/api';
import { Broker5 } from '../support/broker5';
import { apiOf } from './support';

describe('retained messages', () => {
  let broker: Broker5;
  let api: BrokerApi;
  const topics = Array.from({ length: 150 }, (_, index) => `house/${index % 3}/lamp/${index}`);
  const others = [
    'house',
    'houses/x',
    '/leading',
    'house//empty',
    '$vendor/a',
    'ünïcode/%2F and space',
    `long/${'x'.repeat(2000)}`,
  ];

  beforeAll(async () => {
    broker = await Broker5.start();
    api = apiOf(broker.cloud);
    for (const batch of [topics.slice(0, 100), topics.slice(100), others]) {
      await api.publishAll(batch.map((topic) => ({ topic, payload: topic, qos: 1, retain: true })));
    }
  });
  afterAll(() => broker.stop());

  const listed = async (options: Parameters<BrokerApi['retained']>[0] = {}) => {
    const found: RetainedSummary[] = [];
    for await (const one of api.retained(options)) found.push(one);
    return found.map(({ topic }) => topic).sort();
  };

  it('are listed once each, page by page', async () => {
    expect(await listed({ limit: 20 })).toEqual([...topics, ...others].sort());
  });

  it.each([
    ['house/1/#', (topic: string) => topic.startsWith('house/1/')],
    ['house/#', (topic: string) => topic === 'house' || topic.startsWith('house/')],
    ['house', (topic: string) => topic === 'house'],
    ['+/1/lamp/+', (topic: string) => topic.startsWith('house/1/')],
    ['#', (topic: string) => !topic.startsWith('$')],
    ['/#', (topic: string) => topic === '/leading'],
    ['$vendor/+', (topic: string) => topic === '$vendor/a'],
  ])('are listed by the filter %s', async (filter, isMeant) => {
    expect(await listed({ filter, limit: 20 })).toEqual([...topics, ...others].filter(isMeant).sort());
  });

  it('are not listed by an invalid filter', async () => {
    await expect(listed({ filter: 'a/#/b' })).rejects.toMatchObject({ status: 400, code: 'invalid-request' });
  });

  it.each(['house/#', '+/1', '#', 'a+b'])('are not found by %s, which is not a topic name', async (filter) => {
    const refused = {
      status: 400,
      code: 'invalid-request',
      errors: [{ pointer: 'topic', detail: 'must be a topic name: 1 to 65,535 bytes, without the wildcards + and #' }],
    };

    await expect(api.deleteRetained(filter)).rejects.toMatchObject(refused);
    await expect(api.retainedMessage(filter)).rejects.toMatchObject(refused);
    expect(await listed({})).toEqual([...topics, ...others].sort());
  });

  it.each(others)('of topic %.40s is shown and removed', async (topic) => {
    expect(await api.retainedMessage(topic)).toEqual({
      topic,
      qos: 1,
      payloadBytes: Buffer.byteLength(topic),
      payload: Buffer.from(topic).toString('base64'),
      text: topic,
    });

    await api.deleteRetained(topic);
    await api.deleteRetained(topic);

    await expect(api.retainedMessage(topic)).rejects.toMatchObject({ status: 404, code: 'no-such-message' });
    const client = await broker.connect('looks');
    await client.subscribe(topic);
    expect(await broker.heardBy(client)).toEqual([]);
  });

  it('are not shown after they have expired, and have their properties until then', async () => {
    await api.publish({
      ...{ topic: 'soon/over', payload: Buffer.from([0xff]), retain: true, messageExpiryInterval: 60 },
      ...{ contentType: 'x', correlationData: Buffer.from('c'), userProperties: [{ name: 'a', value: '1' }] },
    });
    expect(await api.retainedMessage('soon/over')).toEqual({
      topic: 'soon/over',
      qos: 0,
      payloadBytes: 1,
      payload: '/w==',
      expiresAt: expect.any(String),
      contentType: 'x',
      correlationData: 'Yw==',
      userProperties: [{ name: 'a', value: '1' }],
    });

    broker.cloud.clock.jump(61_000);

    await expect(api.retainedMessage('soon/over')).rejects.toMatchObject({ code: 'no-such-message' });
    expect(await listed({ filter: 'soon/#' })).toEqual([]);
  });
});
