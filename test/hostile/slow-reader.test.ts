/*
 * A subscriber that does not read: the gateway answers 429 to each post to it. It costs only itself: nobody waits for it, and it is
 * closed after a while. That it resumes when it reads again: also test/broker/outbound/slow-client.test.ts.
 */
import { ApiGatewayManagementApiClient, PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import mqtt, { type QoS } from 'mqtt-packet';
import { formatFrame } from '../../lambdas/protocol/frames';
import type { Client5 } from '../support/client5';
import { hashingOnce } from '../support/guarded-broker';
import { above, Battlefield } from './battlefield';

/** Interval in seconds between two posts to a client that does not read. */
const retry = 2;

/** Default of the option `slowReaderTimeout` in seconds. */
const timeout = 10;

const filler = mqtt.generate({
  ...{ cmd: 'publish', topic: 'filler', payload: Buffer.alloc(90_000), qos: 0, dup: false, retain: false },
});

describe('a subscriber that does not read', () => {
  let field: Battlefield;
  let gateway: ApiGatewayManagementApiClient;
  let publisher: Client5;

  beforeAll(async () => {
    field = await Battlefield.start({}, { ...hashingOnce, bufferBytes: 4096 });
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const endpoint = field.cloud.callbackUrl;
    gateway = new ApiGatewayManagementApiClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
    publisher = await field.enter('calm', 'publisher', { keepalive: 540 });
  });

  afterAll(async () => {
    gateway.destroy();
    await field.stop();
  });

  /** Stops reading; returns when the buffers of the sockets and of the gateway are full. */
  async function stopReading(client: Client5, connectionId: string): Promise<void> {
    client.line.socket.pause();
    const Data = Buffer.from(formatFrame(filler));
    const isTaken = () =>
      gateway.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data })).then(
        () => true,
        (error: Error) => {
          if (error.name === 'LimitExceededException') return false;
          throw error;
        },
      );
    while (await isTaken());
  }

  /** Connects a client of the pair's user that subscribes to a topic and does not read. */
  async function deaf(clientId: string, topic: string, qos: QoS, fields = {}) {
    const client = await field.enter('calm', clientId, { keepalive: 540, ...fields });
    const connectionId = field.cloud.connections().at(-1) ?? '';
    await client.subscribe({ topic, qos });
    await field.cloud.settled();
    await stopReading(client, connectionId);
    return { client, connectionId };
  }

  async function milliseconds(work: () => Promise<unknown>): Promise<number> {
    const begun = performance.now();
    await work();
    return performance.now() - begun;
  }

  const median = (values: readonly number[]) => [...values].sort((one, other) => one - other)[values.length >> 1]!;

  const tell = (topic: string, text: string, qos: QoS = 1) => publisher.publish(topic, text, { qos });

  it.each([0, 1, 2] as const)('at QoS %i delays no acknowledgement of a publisher', async (qos) => {
    const reader = await field.enter('calm', `reader-${qos}`, { keepalive: 540 });
    await reader.subscribe({ topic: `read/${qos}`, qos });
    const { connectionId } = await deaf(`deaf-${qos}`, `unread/${qos}`, qos);
    const times = { read: [] as number[], unread: [] as number[] };
    for (let count = 0; count < 40; count++) {
      for (const kind of ['read', 'unread'] as const) {
        const text = String(count);
        times[kind].push(await milliseconds(() => tell(`${kind}/${qos}`, text)));
      }
    }

    expect(field.cloud.connections()).toContain(connectionId);
    expect(median(times.unread)).toBeLessThan(1.2 * median(times.read));
    expect(Math.max(...times.unread)).toBeLessThan(3 * Math.max(...times.read));
    await field.cloud.settled();
  });

  it('gets one post, then its messages are queued at two writes each', async () => {
    const { client, connectionId } = await deaf('queue', 'queued', 1);
    await tell('queued', 'refused');
    const toll = await field.endure(20, async () => {
      for (let count = 0; count < 20; count++) await tell('queued', String(count));
    });

    expect(
      field.guarded.logged('post failed').filter((line) => line.connectionId === connectionId).length,
    ).toBeLessThan(6);
    expect(above(toll, { frames: 1, posts: 1, requests: 4.5, invocations: 1.5, reads: 6, writes: 6 })).toEqual({});
    client.line.socket.terminate();
    await field.cloud.settled();
  });

  describe('is closed after the slow reader timeout', () => {
    const resumed = { clean: false, properties: { sessionExpiryInterval: 3600 } };
    const will = { topic: 'wills/of-a-deaf-one', payload: Buffer.from('gone'), qos: 1, retain: false } as const;

    it.each([0, 1, 2] as const)('at QoS %i: its will is published, and its session stays', async (qos) => {
      const clientId = `closed-${qos}`;
      const heir = await field.enter('calm', `heir-${qos}`, { keepalive: 540 });
      await heir.subscribe({ topic: will.topic, qos: 1 });
      const { client, connectionId } = await deaf(clientId, `closed/${qos}`, qos, { ...resumed, will });
      const lines = await field.loggedDuring('slow reader', async () => {
        for (let seconds = 0; seconds <= timeout + 2 * retry; seconds += retry) {
          await tell(`closed/${qos}`, String(seconds), qos);
          await field.elapse(retry);
        }
      });

      const [line, ...more] = lines.filter((each) => each.connectionId === connectionId);
      expect({ clientId: line?.clientId, more }).toEqual({ clientId, more: [] });
      expect(line?.seconds).toBeGreaterThanOrEqual(timeout);
      expect(field.cloud.connections()).not.toContain(connectionId);
      expect((await heir.hear()).text).toBe('gone');
      client.line.socket.terminate();
      const back = await field.enter('calm', clientId, { keepalive: 540, ...resumed });
      expect(back.connack?.sessionPresent).toBe(true);
      for (let seconds = 0; qos > 0 && seconds <= timeout + 2 * retry; seconds += retry) {
        expect((await back.hear()).text).toBe(String(seconds));
      }
      await field.guarded.broker.leave(back);
      await field.guarded.broker.leave(heir);
    });
  });

  it('receives everything in order when it reads again, at the same cost as before', async () => {
    const { client, connectionId } = await deaf('back', 'back', 1);
    for (let count = 0; count < 30; count++) await tell('back', String(count));
    await field.elapse(retry);
    for (let count = 30; count < 60; count++) await tell('back', String(count));
    client.line.socket.resume();
    const heard: string[] = [];
    const waiting = setInterval(() => field.cloud.clock.jump(100), 10);
    while (heard.length < 60) {
      const { topic, text } = await client.hear();
      if (topic === 'back') heard.push(text);
    }
    clearInterval(waiting);
    await field.cloud.settled();

    expect(heard).toEqual(Array.from({ length: 60 }, (_, count) => String(count)));
    expect(field.cloud.connections()).toContain(connectionId);
    const toll = await field.endure(5, async () => {
      for (let count = 0; count < 5; count++) {
        await tell('back', `again ${count}`);
        expect((await client.hear()).text).toBe(`again ${count}`);
      }
    });
    expect(above(toll, { frames: 2, posts: 2, requests: 6, invocations: 2, reads: 5, writes: 5 })).toEqual({});
  });

  it('is closed at once if a response cannot be sent either', async () => {
    const { client, connectionId } = await deaf('asking', 'asking', 0);
    await tell('asking', 'refused', 0);
    client.send({ cmd: 'pingreq' });
    await field.cloud.settled();

    expect(field.cloud.connections()).not.toContain(connectionId);
    client.line.socket.terminate();
  });
});
