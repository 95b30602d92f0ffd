import { afterEach, describe, expect, it } from '@jest/globals';
import type { CloudOptions } from '../../../local/cloud-options';
import { GuardedBroker } from '../../support/guarded-broker';
import { TestBroker } from '../../support/test-broker';

const everything = { bus: 'garage', lifecycle: true, messages: ['alarms/#'] };

let broker: TestBroker;
afterEach(() => broker.stop());

async function start(options: CloudOptions = {}): Promise<void> {
  broker = await TestBroker.start({ events: everything, visibilitySeconds: 0.3, ...options });
}

/** Returns the events on the bus, once all queues are empty. */
async function published(detailType?: string) {
  await broker.cloud.settled();
  return broker.cloud.events().filter((event) => detailType === undefined || event.detailType === detailType);
}

describe('events of clients', () => {
  it('report clients that connect and disconnect, with the reason', async () => {
    await start();
    const client = await broker.connect('client');
    await client.disconnect();
    await broker.lose(await broker.connect('other'));

    const events = [...(await published())].sort((one, other) => one.time - other.time); // in no particular order
    expect(events).toMatchObject([
      {
        bus: 'garage',
        source: 'cirrus-mqtt',
        detailType: 'MQTT Client Connected',
        detail: { broker: 'local', clientId: 'client', kind: 'anonymous', sessionPresent: false, version: 4 },
      },
      { detailType: 'MQTT Client Disconnected', detail: { clientId: 'client', reason: 'left', withWill: false } },
      { detailType: 'MQTT Client Connected', detail: { clientId: 'other' } },
      { detailType: 'MQTT Client Disconnected', detail: { clientId: 'other', reason: 'lost', withWill: true } },
    ]);
  });

  it('report that the session of another account was replaced', async () => {
    const guarded = await GuardedBroker.start({ anonymous: 'by-rules' }, { events: everything });
    broker = guarded.older;
    await broker.lose(await broker.resume('kitchen'));
    await guarded.addUser('owner', 'secret', { clientId: 'kitchen' });
    await guarded.broker.connect('kitchen', { username: 'owner', password: Buffer.from('secret') });

    expect(await published('MQTT Session Replaced')).toMatchObject([
      { detail: { clientId: 'kitchen', kind: 'user', username: 'owner', formerKind: 'anonymous' } },
    ]);
  });

  it('report that a session has expired', async () => {
    await start();
    const client = await broker.open();
    client.send({
      cmd: 'connect',
      clientId: 'client',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: true,
      properties: { sessionExpiryInterval: 60 },
    });
    await broker.cloud.settled();
    await broker.lose(client);
    expect(await published('MQTT Session Expired')).toEqual([]);
    broker.cloud.clock.jump(61_000);
    await broker.cloud.runSchedule();

    expect(await published('MQTT Session Expired')).toMatchObject([{ detail: { clientId: 'client' } }]);
  });
});

describe('events of messages', () => {
  it('are published for the configured filters, with all fields', async () => {
    await start({ events: { messages: ['alarms/#'] } });
    const client = await broker.connect('sensor');
    for (const qos of [0, 1, 2] as const) await client.publish(`alarms/${qos}`, Buffer.from([0, 255]), { qos });
    await client.publish('other', 'x', { qos: 1 });

    const events = await published();
    const details = events.map(({ detail }) => detail as { topic: string });
    const sorted = details.sort((one, other) => one.topic.localeCompare(other.topic)); // in no particular order
    expect(sorted).toMatchObject(
      [0, 1, 2].map((qos) => ({ topic: `alarms/${qos}`, qos, retain: false, clientId: 'sensor', payload: 'AP8=' })),
    );
    expect(events.every(({ detailType }) => detailType === 'MQTT Message')).toBe(true);
  });

  it('are not lost while EventBridge is unavailable, and delay no acknowledgement', async () => {
    await start({ visibilitySeconds: 3 }); // ten receives take longer than the publishes below
    await broker.cloud.faults.set({ fault: 'call', outcome: 'fail', service: 'events' });
    const client = await broker.connect('sensor');
    for (let number = 0; number < 20; number++) await client.publish(`alarms/${number}`, 'x', { qos: 1 });
    await broker.wrote('events not taken');
    expect(broker.cloud.events()).toEqual([]);

    await broker.cloud.faults.clear();

    const topics = (await published('MQTT Message')).map(({ detail }) => (detail as { topic: string }).topic);
    expect(new Set(topics).size).toBe(20);
    expect(broker.cloud.deadLetters()).toEqual([]);
    const [line] = broker.logged('events not taken');
    expect(line).toEqual({
      event: 'events not taken',
      count: expect.any(Number),
      reason: expect.stringMatching(/^Internal/),
    });
  });

  it('that EventBridge does not take are sent again, and only these', async () => {
    await start({ events: { messages: ['alarms/#'] } });
    await broker.cloud.faults.set({ fault: 'call', outcome: 'partial', service: 'events', times: 1 });
    const client = await broker.connect('sensor');
    client.send(
      ...[1, 2, 3, 4].map((messageId) => {
        return {
          cmd: 'publish',
          topic: `alarms/${messageId}`,
          payload: 'x',
          qos: 1,
          messageId,
          dup: false,
          retain: false,
        } as const;
      }),
    );
    for (const _ of [1, 2, 3, 4]) await client.next('puback');

    const topics = (await published()).map(({ detail }) => (detail as { topic: string }).topic);
    expect(topics.sort()).toEqual(['alarms/1', 'alarms/2', 'alarms/3', 'alarms/4']);
    expect(broker.cloud.faults.report()[0]?.struck).toBe(1);
  });

  it('cost a queue message each and what EventBridge takes, and nothing without configured events', async () => {
    await start({ events: { messages: ['alarms/#'] } });
    const client = await broker.connect('sensor');
    await client.publish('alarms/1', 'x', { qos: 1 });
    await broker.cloud.settled();
    await broker.cloud.resetBill();
    await client.publish('other', 'x', { qos: 1 });
    await broker.cloud.settled();
    expect(await broker.cloud.bill()).toMatchObject({
      events: { entries: 0 },
      sqs: { queues: { timer: { messages: 0 } } },
    });

    await client.publish('alarms/1', Buffer.alloc(60_000), { qos: 1 });
    await broker.cloud.settled();

    const { events, sqs } = await broker.cloud.bill();
    expect(events).toEqual({ entries: 2, dollars: 2e-6 }); // 80 KB in base64
    expect(sqs.queues.timer).toMatchObject({ messages: 1, send: 2 });
  });

  it('can be read through the control interface', async () => {
    await start();
    await (await broker.connect('sensor')).publish('alarms/1', 'x', { qos: 1 });
    await broker.cloud.settled();

    const response = await fetch(new URL('/events', broker.cloud.billUrl));
    expect(await response.json()).toEqual(broker.cloud.events());
  });
});
