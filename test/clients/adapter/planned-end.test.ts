import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import mqtt from 'mqtt-packet';
import { WebSocket } from 'ws';
import { LocalClock } from '../../../local/clock';
import { type Cloud, startCloud } from '../../../local/cloud';
import {
  adapterFor,
  bytesOf,
  connectAndPing,
  defaultConnect,
  defaultConnect5,
  endAll,
  endings,
  expectReceived,
  pingreq,
  rawBytes,
  silentGateway,
  tcpClient,
  timersRun,
  until,
} from '../support/adapter-rig';

let cloud: Cloud;

beforeAll(async () => {
  cloud = await startCloud({ containers: 1 });
});

afterEach(endAll);
afterAll(() => cloud.stop());

const publishQos1 = Buffer.from('32050001610007', 'hex');
const puback = Buffer.from('40020007', 'hex');
const lastMoment = 7_000_000;

async function connectedClient(greeting: Buffer, connack: string) {
  const clock = new LocalClock();
  endings.push(() => clock.stop());
  const gateway = await silentGateway();
  const adapter = await adapterFor(gateway.url, { clock });
  const client = await tcpClient(adapter, greeting);
  const chunks: Buffer[] = [];
  client.on('data', (chunk) => chunks.push(chunk));
  await until(() => gateway.frames.length === 1);
  gateway.sockets[0]!.send(Buffer.from(connack, 'hex').toString('base64'));
  await until(() => chunks.length > 0);
  return { clock, gateway, adapter, client, chunks };
}

describe('a connection at its maximum age', () => {
  it('is ended before the gateway ends it, in MQTT 5.0 with the reason Maximum connect time', async () => {
    const { clock, client, chunks } = await connectedClient(defaultConnect5, '2003000000');

    clock.jump(lastMoment);

    await once(client, 'close');
    expect(Buffer.concat(chunks.slice(1)).toString('hex')).toBe('e002a000');
  });

  it('is ended with that reason whatever the length of its CONNACK', async () => {
    const [sessionPresent, reasonString] = [true, 'x'.repeat(200)];
    const connack = mqtt.generate(
      { cmd: 'connack', reasonCode: 0, sessionPresent, properties: { reasonString } },
      { protocolVersion: 5 },
    );
    const { clock, client, chunks } = await connectedClient(defaultConnect5, connack.toString('hex'));

    clock.jump(lastMoment);

    await once(client, 'close');
    expect(Buffer.concat(chunks).subarray(connack.length).toString('hex')).toBe('e002a000');
  });

  it('waits for open exchanges', async () => {
    const { clock, gateway, client, adapter } = await connectedClient(defaultConnect, '20020000');
    client.write(publishQos1);
    await until(() => gateway.frames.length === 2);

    clock.jump(lastMoment);
    await timersRun(clock);
    client.write(pingreq); // still goes through
    await expectReceived(gateway, Buffer.concat([defaultConnect, publishQos1, pingreq]));
    gateway.sockets[0]!.send(puback.toString('base64'));
    await once(client, 'data');
    clock.jump(250);

    await once(client, 'close');
    expect(adapter.ends).toEqual(['max_age']);
  });

  it('waits for them a minute at most', async () => {
    const { clock, gateway, client, adapter } = await connectedClient(defaultConnect, '20020000');
    client.write(publishQos1);
    await until(() => gateway.frames.length === 2);

    clock.jump(lastMoment);
    await timersRun(clock);
    clock.jump(60_000);

    await once(client, 'close');
    expect(adapter.ends).toEqual(['max_age']);
    expect(bytesOf(gateway)).toEqual(Buffer.concat([defaultConnect, publishQos1]));
  });

  it('is left to the gateway if the maximum age is 0', async () => {
    const clock = new LocalClock();
    endings.push(() => clock.stop());
    const gateway = await silentGateway();
    const client = await tcpClient(await adapterFor(gateway.url, { clock, maxAgeMs: 0 }));
    await until(() => gateway.frames.length === 1);

    clock.jump(7_200_000);
    await timersRun(clock);
    client.write(pingreq);

    await expectReceived(gateway, connectAndPing);
  });
});

describe('a client with a will that reconnects', () => {
  const connectPacket = (password: string) =>
    mqtt.generate({
      cmd: 'connect',
      protocolVersion: 4,
      clean: false,
      clientId: 'a',
      keepalive: 60,
      username: 'ann',
      password: Buffer.from(password),
      will: { topic: 'w', payload: Buffer.from('x'), qos: 0, retain: false },
    });
  const disconnect = Buffer.from('e000', 'hex');
  const otherClient = Buffer.from('100d00044d5154540402003c000162', 'hex');

  async function returning(password: string) {
    const { clock, gateway, adapter, client } = await connectedClient(connectPacket('sesame'), '20020000');
    clock.jump(lastMoment);
    await once(client, 'close');
    await tcpClient(adapter, connectPacket(password));
    return { clock, gateway, adapter };
  }

  it('is connected only after the broker has closed the old connection, which got DISCONNECT', async () => {
    const { gateway, adapter } = await returning('sesame');
    await until(() => rawBytes(gateway.frames.at(-1)!).equals(disconnect));
    await tcpClient(adapter, otherClient); // dialled later than the first, if that were dialled already
    await until(() => gateway.frames.length >= 3);
    const before = gateway.frames.map(rawBytes);

    gateway.sockets[0]!.close();

    await until(() => gateway.frames.length === 4);
    expect(before).toEqual([connectPacket('sesame'), disconnect, otherClient]);
    expect(rawBytes(gateway.frames[3]!)).toEqual(connectPacket('sesame'));
  });

  it('waits five seconds at most for a gateway that no longer answers', async () => {
    const { clock, gateway } = await returning('sesame');
    await until(() => rawBytes(gateway.frames.at(-1)!).equals(disconnect));
    gateway.sockets[0]!.pause(); // so it does not answer that its connection is closed, either

    clock.jump(5_000);

    await until(() => gateway.frames.length === 3);
    expect(rawBytes(gateway.frames[2]!)).toEqual(connectPacket('sesame'));
  });

  it('with another password leaves the old connection open', async () => {
    const { gateway } = await returning('guessed');

    await until(() => gateway.frames.length === 2);

    expect(rawBytes(gateway.frames[1]!)).toEqual(connectPacket('guessed'));
    expect(gateway.sockets[0]!.readyState).toBe(WebSocket.OPEN);
  });
});

describe('the will of a client whose connection was ended for its age', () => {
  const wills: string[] = [];
  let watcher: MqttClient;

  beforeAll(async () => {
    const { createWebsocket } = await import('../../../clients/mqttjs');
    watcher = await connectAsync(cloud.gatewayUrl, { createWebsocket, keepalive: 0 });
    watcher.on('message', (_topic, payload) => wills.push(String(payload)));
    await watcher.subscribeAsync('wills/#');
  });

  afterAll(() => watcher.endAsync(true));

  async function withWill(name: string, reconnectPeriod: number) {
    const clock = new LocalClock();
    endings.push(() => clock.stop());
    const adapter = await adapterFor(cloud.gatewayUrl, { clock });
    const will = { topic: `wills/${name}`, payload: Buffer.from(name), qos: 0 as const, retain: false };
    const client = await connectAsync(`mqtt://127.0.0.1:${adapter.port}`, {
      clientId: name,
      will,
      clean: false,
      reconnectPeriod,
    });
    endings.push(() => client.endAsync(true));
    return { clock, client, adapter };
  }

  it('is not published when the client reconnects', async () => {
    const { clock, client } = await withWill('returns', 10);
    const back = new Promise((resolve) => client.once('connect', resolve));

    clock.jump(lastMoment);

    await back;
    await cloud.settled();
    await watcher.publishAsync('wills/mark', 'mark', { qos: 1 });
    await until(() => wills.includes('mark'));
    expect(wills).toEqual(['mark']);
  });

  it('is published when the client does not reconnect', async () => {
    const { clock, client } = await withWill('stays away', 0);
    const left = new Promise<void>((resolve) => client.once('close', () => resolve()));

    clock.jump(lastMoment);
    await left;
    clock.jump(30_000);

    await until(() => wills.includes('stays away'));
    expect(wills.at(-1)).toBe('stays away');
  });
});
