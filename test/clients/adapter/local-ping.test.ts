import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import mqtt, { type IConnectPacket, type Packet } from 'mqtt-packet';
import type { Adapter } from '../../../clients/adapter';
import { type Cloud, startCloud } from '../../../local/cloud';
import { adapterFor, defaultConnect, endAll, rawBytes, silentGateway, tcpClient, until } from '../support/adapter-rig';

let cloud: Cloud;

beforeAll(async () => {
  cloud = await startCloud({ containers: 1 });
});

afterEach(endAll);
afterAll(() => cloud.stop());

const connectPacket = (clientId: string, options: Partial<IConnectPacket> = {}): Buffer =>
  mqtt.generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId,
    keepalive: 60,
    ...options,
  } as IConnectPacket);

/** A device and its received packets. */
async function device(adapter: Adapter, clientId: string, options: Partial<IConnectPacket> = {}) {
  const protocolVersion = options.protocolVersion ?? 4;
  const socket: Socket = await tcpClient(adapter, connectPacket(clientId, options));
  const heard: Packet[] = [];
  const parser = mqtt.parser({ protocolVersion });
  parser.on('packet', (packet) => heard.push(packet));
  socket.on('data', (chunk) => parser.parse(chunk));
  const next = async (cmd: Packet['cmd']) => {
    await until(() => heard.some((packet) => packet.cmd === cmd));
    return heard.splice(0).find((packet) => packet.cmd === cmd)!;
  };
  const send = (packet: Packet) => socket.write(mqtt.generate(packet, { protocolVersion }));
  await next('connack');
  return { socket, heard, next, send };
}

/** Lets time pass in steps of 30 seconds. */
async function pass(seconds: number, each: (second: number) => Promise<unknown> = async () => {}): Promise<void> {
  await cloud.settled(); // Pending work must not take 30 seconds.
  for (let second = 30; second <= seconds; second += 30) {
    cloud.clock.jump(30_000);
    await sleep(5); // Timers fire in the next turn of the event loop.
    await cloud.settled();
    await each(second);
  }
}

/** Cost of an idle device with a keep-alive of 60 s in an hour. */
async function hourOfPings(localPing: boolean) {
  const adapter = await adapterFor(cloud.gatewayUrl, { clock: cloud.clock, localPing });
  const { socket, next, send } = await device(adapter, `idle-${localPing}`);
  await cloud.settled();
  await cloud.resetBill();
  await pass(3_600, async (second) => {
    if (second % 60 !== 0) return;
    send({ cmd: 'pingreq' });
    await next('pingresp');
  });
  const { gateway, dollars } = await cloud.bill();
  socket.destroy();
  return { frames: gateway.frames, posts: gateway.posts, dollars };
}

describe('local pings', () => {
  it('save most of what an idle device costs', async () => {
    const far = await hourOfPings(false);
    const near = await hourOfPings(true);

    expect(far).toMatchObject({ frames: 60, posts: 60 });
    expect(near).toMatchObject({ frames: 6, posts: 6 });
    expect(near.dollars).toBeLessThan(far.dollars / 4);
  });

  it('ask the broker for a keep-alive of 540 s in place of the device', async () => {
    const gateway = await silentGateway();
    await tcpClient(await adapterFor(gateway.url, { localPing: true }));

    await until(() => gateway.frames.length === 1);

    const expected = Buffer.from(defaultConnect);
    expected.writeUInt16BE(540, 10);
    expect(rawBytes(gateway.frames[0]!)).toEqual(expected);
  });

  it('go to the broker while something that was sent has had no answer', async () => {
    const adapter = await adapterFor(cloud.gatewayUrl, { localPing: true });
    const { send, next } = await device(adapter, 'asks');
    const pings = async () => {
      const before = (await cloud.bill()).gateway.frames;
      send({ cmd: 'pingreq' });
      await next('pingresp');
      return (await cloud.bill()).gateway.frames - before;
    };
    expect(await pings()).toBe(0);

    send({ cmd: 'publish', topic: 'a', payload: 'x', qos: 0, dup: false, retain: false });
    await cloud.settled();

    expect(await pings()).toBe(1);
    expect(await pings()).toBe(0);
  });

  it('let the will of a device be published that is silent for one and a half of its own intervals', async () => {
    const adapter = await adapterFor(cloud.gatewayUrl, { clock: cloud.clock, localPing: true });
    const watcher = await device(adapter, 'watcher', { keepalive: 0 });
    watcher.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'wills', qos: 0 }] });
    await watcher.next('suback');
    const will = { topic: 'wills', payload: Buffer.from('lost'), qos: 0 as const, retain: false };
    const lost = await device(adapter, 'lost', { will, protocolVersion: 5 });

    await pass(60);
    expect(watcher.heard).toEqual([]);
    await pass(30);

    expect(await watcher.next('publish')).toMatchObject({ topic: 'wills' });
    expect(await lost.next('disconnect')).toMatchObject({ reasonCode: 0x8d });
  });

  it('keep a device connected that has no keep-alive, for longer than the gateway bears silence', async () => {
    const adapter = await adapterFor(cloud.gatewayUrl, { clock: cloud.clock, localPing: true });
    const { heard, send, next } = await device(adapter, 'quiet', { keepalive: 0 });

    await pass(1_800);

    expect(heard).toEqual([]);
    send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] });
    await next('suback');
  });

  it('end a connection whose broker answers no ping', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url, { clock: cloud.clock, localPing: true });
    const client = await tcpClient(adapter, connectPacket('deaf', { keepalive: 0 }));
    await until(() => gateway.frames.length === 1);
    const left = once(client, 'close');

    cloud.clock.jump(540_000);
    await until(() => gateway.frames.length === 2);
    cloud.clock.jump(150_000);

    await left;
    expect(adapter.lines.at(-1)).toBe('#1 closed: the broker answered no ping within 150 s');
  });
});

describe('a keep-alive that the broker chose', () => {
  it('counts for the device and for the adapter', async () => {
    const strict = await startCloud({ containers: 1, settings: { maxKeepAlive: 60 } });
    const adapter = await adapterFor(strict.gatewayUrl, { clock: strict.clock, localPing: true });
    const { send, next, socket } = await device(adapter, 'strict', { protocolVersion: 5, keepalive: 300 });
    await strict.settled();
    await strict.resetBill();

    for (let second = 0; second < 240; second += 30) {
      strict.clock.jump(30_000);
      await sleep(5);
      await strict.settled();
      send({ cmd: 'pingreq' });
      await next('pingresp');
    }

    expect((await strict.bill()).gateway.frames).toBe(4);
    socket.destroy();
    await endAll();
    await strict.stop();
  });
});
