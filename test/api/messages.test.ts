import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { BrokerApi } from '../../clients/api';
import { Broker5 } from '../support/broker5';
import { apiOf } from './support';

describe('publishing through the API', () => {
  let broker: Broker5;
  let api: BrokerApi;
  beforeAll(async () => {
    broker = await Broker5.start();
    api = apiOf(broker.cloud);
  });
  afterEach(() => broker.cloud.faults.clear());
  afterAll(() => broker.stop());

  it.each([0, 1, 2] as const)('reaches subscribers at QoS %i, and reports them', async (qos) => {
    const client = await broker.connect(`hears-${qos}`);
    await client.subscribe(`news/${qos}`);

    expect(await api.publish({ topic: `news/${qos}`, payload: 'x', qos })).toEqual({
      status: 'accepted',
      subscribers: true,
    });

    expect(await client.hear()).toMatchObject({ topic: `news/${qos}`, text: 'x', qos, retain: false });
  });

  it('reports that a topic has no subscribers', async () => {
    expect(await api.publish({ topic: 'into/the/void', payload: 'x', qos: 1 })).toEqual({
      status: 'accepted',
      subscribers: false,
    });
  });

  it('forwards all properties of MQTT 5.0', async () => {
    const client = await broker.connect('reads properties');
    await client.subscribe('with/properties');

    await api.publish({
      topic: 'with/properties',
      payload: Buffer.from([0xff, 0]),
      qos: 1,
      messageExpiryInterval: 60,
      contentType: 'application/json',
      responseTopic: 'answers',
      correlationData: Buffer.from('7'),
      userProperties: [
        { name: 'a', value: '1' },
        { name: 'a', value: '2' },
      ],
    });

    const { properties } = await client.hear();
    expect(properties).toMatchObject({
      contentType: 'application/json',
      responseTopic: 'answers',
      correlationData: Buffer.from('7'),
      userProperties: { a: ['1', '2'] },
    });
    expect(properties.messageExpiryInterval).toBeGreaterThan(55);
  });

  it('keeps the order of a batch, and returns a result for each message', async () => {
    const client = await broker.connect('hears batches');
    await client.subscribe('batch/#');
    const good = Array.from({ length: 98 }, (_, index) => ({ topic: 'batch/a', payload: `${index}`, qos: 1 as const }));

    const results = await api.publishAll([
      ...good,
      { topic: 'batch/+', payload: 'x' },
      { topic: '$SYS/a', payload: 'x' },
    ]);

    expect(results.slice(0, 98)).toEqual(good.map(() => ({ status: 'accepted', subscribers: true })));
    expect(results.slice(98)).toEqual([
      { status: 'refused', reasonCode: 0x90, detail: expect.any(String) },
      { status: 'refused', reasonCode: 0x87, detail: expect.any(String) },
    ]);
    const received = [];
    for (let count = 0; count < 98; count++) received.push((await client.hear()).text);
    expect(received).toEqual(good.map(({ payload }) => payload));
  });

  it.each([
    ['wildcards in its topic', { topic: 'a/#' }, 0x90],
    ['a topic of the broker', { topic: '$share/a/b' }, 0x87],
    [
      'a payload that is not as declared',
      { topic: 'a', payload: Buffer.from([0xff]), payloadFormatIndicator: true },
      0x99,
    ],
    ['more bytes than a packet may have', { topic: 'a', payload: 'x'.repeat(97_280) }, 0x95],
    ['wildcards in its response topic', { topic: 'a', responseTopic: 'b/+' }, undefined],
  ])('refuses a message with %s', async (_what, message, reasonCode) => {
    await expect(api.publish(message)).rejects.toMatchObject({ status: 422, code: 'message-refused' });
    const [result] = await api.publishAll([message]);
    expect(result).toMatchObject({ status: 'refused', ...(reasonCode && { reasonCode }) });
  });

  it('retains a message, and removes it again', async () => {
    await api.publish({ topic: 'kept/a', payload: 'x', qos: 1, retain: true });
    const client = await broker.connect('comes later');
    await client.subscribe('kept/#');
    expect(await client.hear()).toMatchObject({ topic: 'kept/a', text: 'x', retain: true });

    await api.publish({ topic: 'kept/a', retain: true });
    await expect(api.retainedMessage('kept/a')).rejects.toMatchObject({ code: 'no-such-message' });
  });

  it('chooses one member of a shared subscription', async () => {
    const workers = [await broker.connect('worker 1'), await broker.connect('worker 2')];
    for (const worker of workers) await worker.subscribe('$share/all/jobs');

    for (let job = 0; job < 10; job++) await api.publish({ topic: 'jobs', payload: String(job), qos: 1 });

    const received = await Promise.all(workers.map((worker) => broker.heardBy(worker)));
    expect(received.flat().length).toBe(10);
  });

  it('is queued for an offline client', async () => {
    const away = await broker.resume('is away');
    await away.subscribe('later');
    await broker.lose(away);

    await api.publish({ topic: 'later', payload: 'x', qos: 2 });

    const back = await broker.resume('is away');
    expect(await back.hear()).toMatchObject({ topic: 'later', text: 'x', qos: 2 });
  });

  describe('with an Idempotency-Key', () => {
    it('is performed once, with the same response', async () => {
      const client = await broker.connect('hears once');
      await client.subscribe('once/#');
      const message = { topic: 'once/a', payload: 'x', qos: 0 } as const;

      const responses = [
        await api.publish(message, { idempotencyKey: 'k1' }),
        await api.publish(message, { idempotencyKey: 'k1' }),
      ];

      expect(responses[1]).toEqual(responses[0]);
      expect((await broker.heardBy(client)).length).toBe(1);
    });

    it('is refused for another request', async () => {
      await api.publish({ topic: 'a', payload: 'x' }, { idempotencyKey: 'k2' });

      await expect(api.publish({ topic: 'a', payload: 'y' }, { idempotencyKey: 'k2' })).rejects.toMatchObject({
        status: 422,
        code: 'idempotency-key-reused',
      });
    });

    it.each([
      ['PutItem', 'inflight', 'after'],
      ['BatchWriteItem', 'inflight', 'before'],
      ['BatchWriteItem', 'inflight', 'after'],
      ['UpdateItem', 'sessions', 'after'],
      ['PostToConnection', '@connections', 'before'],
      ['PostToConnection', '@connections', 'after'],
    ] as const)(
      'arrives exactly once at QoS 2 although the function died: %s of %s, %s',
      async (operation, table, when) => {
        const clientId = `survives ${operation} ${when}`;
        const client = await broker.resume(clientId);
        const topic = `exactly/once/${operation}/${when}`;
        await client.subscribe(topic);
        const message = { topic, payload: 'x', qos: 2 } as const;
        const options = { idempotencyKey: topic };
        await broker.cloud.settled();
        await broker.cloud.faults.set({
          ...{ fault: 'call', function: 'onApi', operation, when, outcome: 'kill', times: 1 },
          ...(table !== '@connections' && { table }),
        });

        await expect(api.publish(message, options)).rejects.toMatchObject({ status: 500 });
        await expect(api.publish(message, options)).rejects.toMatchObject({ code: 'request-in-progress' });
        broker.cloud.clock.jump(31_000);
        await api.publish(message, options);

        await broker.cloud.settled();
        const received = [];
        let current = client;
        if (current.closeCode === undefined) {
          await current.ping().catch(() => undefined);
        }
        if (current.closeCode !== undefined) current = await broker.resume(clientId);
        received.push((await current.hear()).text);
        await broker.cloud.settled();
        await current.ping();
        expect(received).toEqual(['x']);
        expect(current.rest().filter(({ cmd }) => cmd === 'publish')).toEqual([]);
      },
    );
  });
});

describe('a message for one client', () => {
  let broker: Broker5;
  let api: BrokerApi;
  beforeAll(async () => {
    broker = await Broker5.start();
    api = apiOf(broker.cloud);
  });
  afterAll(() => broker.stop());

  it.each([0, 1, 2] as const)('reaches the client at QoS %i without any subscription', async (qos) => {
    const client = await broker.connect('device/7');
    const other = await broker.connect('device/8');
    await other.subscribe('#');

    expect(await api.sendToClient('device/7', { topic: 'do/this', payload: 'now', qos })).toEqual({ status: 'sent' });

    expect(await client.hear()).toMatchObject({ topic: 'do/this', text: 'now', qos });
    expect(await broker.heardBy(other)).toEqual([]);
  });

  it('is queued for an offline client, but not at QoS 0', async () => {
    await broker.lose(await broker.resume('sleeper'));
    const message = { topic: 'wake/up', payload: 'x' };

    expect(await api.sendToClient('sleeper', { ...message, qos: 1 })).toEqual({ status: 'queued' });
    await expect(api.sendToClient('sleeper', message)).rejects.toMatchObject({ status: 409, code: 'client-away' });

    const back = await broker.resume('sleeper');
    expect(await back.hear()).toMatchObject({ topic: 'wake/up', qos: 1 });
  });

  it('is refused if the queue is full', async () => {
    const small = await Broker5.start({ settings: { queueLimit: 2 } });
    try {
      await small.lose(await small.resume('full'));
      const send = () => apiOf(small.cloud).sendToClient('full', { topic: 'a', qos: 1 });
      await send();
      await send();

      await expect(send()).rejects.toMatchObject({ status: 409, code: 'queue-full' });
    } finally {
      await small.stop();
    }
  });

  it('is refused if the rules of the client do not allow it to receive the topic', async () => {
    const rules = [{ actions: ['receive'], topics: ['mine/#'] }];
    const ruled = await Broker5.start({ access: { anonymous: 'by-rules', rules } });
    try {
      const client = await ruled.connect('ruled');

      await apiOf(ruled.cloud).sendToClient('ruled', { topic: 'mine/a', payload: 'x' });
      await expect(apiOf(ruled.cloud).sendToClient('ruled', { topic: 'yours/a' })).rejects.toMatchObject({
        status: 409,
        code: 'not-permitted',
      });

      expect(await ruled.heardBy(client)).toMatchObject([{ topic: 'mine/a' }]);
    } finally {
      await ruled.stop();
    }
  });

  it('is refused if the client does not exist', async () => {
    await expect(api.sendToClient('nobody', { topic: 'a' })).rejects.toMatchObject({
      status: 404,
      code: 'no-such-client',
    });
  });
});
