import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connectAsync, type IClientOptions, MqttClient } from 'mqtt';
import { type WebSocket, WebSocketServer } from 'ws';
import { createWebsocket } from '../../clients/mqttjs';
import { type Cloud, startCloud } from '../../local/cloud';
import { Compiler, hasCompilers } from './support/compiler';
import { messagesOf } from './support/messages';
import { ProgramStream } from './support/program-stream';

if (!hasCompilers) console.warn('there are no gcc and g++: clients/esp32 and clients/arduino are NOT tested');

const shared = ['clients/c/cirrus_wire.c', 'test/clients/native/posix_websocket.c'];
const includes = ['clients/c', 'test/clients/native'];

const idf = 'test/clients/native/esp-idf';
const devices = {
  'the transport for ESP32': {
    sources: ['clients/esp32/cirrus_transport.c', ...['esp_transport.c', 'pipe.c'].map((file) => `${idf}/${file}`)],
    includes: ['clients/esp32/include', 'test/clients/native/esp-idf'],
    arguments: ['1024'],
  },
  'the Client for Arduino': {
    sources: ['clients/arduino/src/CirrusClient.cpp', 'test/clients/native/arduino/pipe.cpp'],
    includes: ['clients/arduino/src', 'test/clients/native/arduino'],
    arguments: [],
  },
};

// Each program forwards the bytes of MQTT.js, which writes a packet in many pieces, and returns the received bytes.
(hasCompilers ? describe : describe.skip).each(Object.entries(devices))('%s', (name, device) => {
  let compiler: Compiler;
  const children: ChildProcessWithoutNullStreams[] = [];
  const clients: MqttClient[] = [];
  let program: string;
  let cloud: Cloud;

  beforeAll(async () => {
    compiler = new Compiler();
    program = compiler.build(
      name.replaceAll(' ', '-'),
      [...shared, ...device.sources],
      [...includes, ...device.includes],
    );
    cloud = await startCloud({ containers: 1 });
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  afterAll(async () => {
    await cloud.stop();
    compiler.remove();
  });

  function run(port: number, host = '127.0.0.1') {
    const child = spawn(program, [host, String(port), ...device.arguments]);
    children.push(child);
    return child;
  }

  /** MQTT.js on a device. */
  async function onDevice(options: IClientOptions = {}): Promise<MqttClient> {
    const stream = () => new ProgramStream(run(cloud.port));
    const client = new MqttClient(stream, { reconnectPeriod: 0, ...options });
    clients.push(client);
    await new Promise<void>((resolve) => client.once('connect', () => resolve()));
    return client;
  }

  async function elsewhere(): Promise<MqttClient> {
    const client = await connectAsync(cloud.gatewayUrl, { createWebsocket, reconnectPeriod: 0 });
    clients.push(client);
    return client;
  }

  it.each([0, 1, 2] as const)('carries QoS %i and payloads of 0, 900 bytes and 20 KB, both ways', async (qos) => {
    const [here, there] = [await onDevice(), await elsewhere()];
    await here.subscribeAsync('to/device', { qos });
    await there.subscribeAsync('from/device', { qos });
    const payloads = [0, 900, 20_480].map((size) => Buffer.alloc(size, 'x'));

    const heardThere = messagesOf(there, payloads.length);
    const heardHere = messagesOf(here, payloads.length);
    for (const payload of payloads) await here.publishAsync('from/device', payload, { qos });
    for (const payload of payloads) await there.publishAsync('to/device', payload, { qos });

    expect((await heardThere).map(String)).toEqual(payloads.map(String));
    expect((await heardHere).map(String)).toEqual(payloads.map(String));
  });

  it('sends and receives the largest messages', async () => {
    const [here, there] = [await onDevice(), await elsewhere()];
    await here.subscribeAsync('large', { qos: 1 });

    const heard = messagesOf(here, 1);
    await there.publishAsync('large', 'x'.repeat(97_000), { qos: 1 });

    expect(String(await heard)).toBe('x'.repeat(97_000));
  });

  it('has its will published when it is killed', async () => {
    const there = await elsewhere();
    await there.subscribeAsync('wills/device', { qos: 1 });
    await onDevice({ will: { topic: 'wills/device', payload: Buffer.from('gone'), qos: 1, retain: false } });

    const heard = messagesOf(there, 1);
    children.at(-1)?.kill('SIGKILL');

    expect(String(await heard)).toBe('gone');
  });

  it('ends when the gateway cuts its socket, and resumes its session', async () => {
    const there = await elsewhere();
    const here = await onDevice({ clientId: 'device', clean: false, reconnectPeriod: 10 });
    await here.subscribeAsync('missed', { qos: 1 });

    const heard = messagesOf(here, 1);
    cloud.faults.cut(cloud.connections().at(-1)!);
    await new Promise<void>((resolve) => here.once('close', resolve));
    await there.publishAsync('missed', 'while away', { qos: 1 });

    expect(String(await heard)).toBe('while away');
  });

  it('ends when there is no gateway', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();

    expect(await once(run(port), 'exit')).toEqual([1, null]);
  });

  describe('at a gateway that sends', () => {
    let server: WebSocketServer;

    beforeAll(async () => {
      server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
      await once(server, 'listening');
    });

    afterAll(() => server.close());

    /** The bytes that the device reads, and its error message. */
    async function readWhen(said: (socket: WebSocket) => void) {
      let connections = 0;
      server.removeAllListeners('connection').on('connection', (socket) => {
        connections += 1;
        if (connections === 2) said(socket);
      });
      const { stdout, stderr } = run((server.address() as AddressInfo).port);
      const [bytes, complaint] = await Promise.all([text(stdout.setEncoding('latin1')), text(stderr)]);
      return { bytes: Buffer.from(bytes, 'latin1').toString('hex'), complaint };
    }

    it('a packet in fragments of a message, with a ping between them, reads it', async () => {
      const { bytes, complaint } = await readWhen((socket) => {
        socket.send('0', { fin: false });
        socket.ping('x');
        socket.once('pong', () => {
          socket.send('A', { fin: false });
          socket.send('A=', { fin: true });
          socket.close();
        });
      });

      expect({ bytes, complaint }).toEqual({ bytes: 'd000', complaint: '' });
    });

    it.each<[string, string | Buffer, RegExp]>([
      ['that it failed', '{"message":"Internal server error"}', /the gateway reports a failure/],
      ['no base64', '0A!=', /frame is not base64/],
      ['no whole base64', '0A', /frame is not base64/],
      ['something binary', Buffer.from('d000', 'hex'), /binary frame|opcode 2/],
    ])('%s, ends the connection', async (_what, frame, complaint) => {
      const read = await readWhen((socket) => socket.send(frame));

      expect(read).toEqual({ bytes: '', complaint: expect.stringMatching(complaint) });
    });
  });
});
