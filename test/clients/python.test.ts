import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { WebSocketServer } from 'ws';
import { createWebsocket } from '../../clients/mqttjs';
import { type Cloud, startCloud } from '../../local/cloud';
import { codeBlocks } from '../support/markdown';
import { messagesOf } from './support/messages';
import {
  forInstalledPaho,
  type PeerOptions,
  PythonPeer,
  python,
  runUnittest,
  runUntilSaid,
} from './support/python-peer';
import { startTextGateway } from './support/text-gateway';

const root = join(__dirname, '../..');

if (!python) console.warn('there is no Python with paho-mqtt: clients/python is NOT tested');

const hasOpenssl = !spawnSync('openssl', ['version']).error;
if (!hasOpenssl) console.warn('there is no openssl to make a certificate: paho-mqtt is NOT tested over TLS');

(python ? describe : describe.skip)('paho-mqtt', () => {
  let cloud: Cloud;
  const peers: PythonPeer[] = [];
  const clients: MqttClient[] = [];

  beforeAll(async () => {
    cloud = await startCloud({ containers: 1 });
  });

  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.kill()));
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
  });

  afterAll(() => cloud.stop());

  function start(options: Partial<PeerOptions> & Pick<PeerOptions, 'clientId'>, variables?: NodeJS.ProcessEnv) {
    const peer = new PythonPeer({ url: cloud.gatewayUrl, ...options }, variables);
    peers.push(peer);
    return peer;
  }

  async function joined(options: Parameters<typeof start>[0]): Promise<PythonPeer> {
    const peer = start(options);
    await peer.next('connected');
    return peer;
  }

  async function mqttjs(): Promise<MqttClient> {
    const client = await connectAsync(cloud.gatewayUrl, { createWebsocket, reconnectPeriod: 0 });
    clients.push(client);
    return client;
  }

  it.each(['wire', 'text_socket', 'client'])('passes its own tests of the module %s', (module) => {
    const { status, said } = runUnittest(`test/clients/python/test_${module}.py`);

    expect(said).toMatch(/Ran \d+ tests .*\n\nOK/);
    expect(status).toBe(0);
  });

  it('runs the example of its README', async () => {
    const [example] = codeBlocks(readFileSync(join(root, 'clients/python/README.md'), 'utf8')).filter(
      ({ language }) => language === 'python',
    );
    const address = /wss:[^"]+/;
    expect(example?.code).toMatch(address);
    const client = await mqttjs();
    await client.publishAsync('home/lamp', 'on', { retain: true, qos: 1 });

    const said = await runUntilSaid(forInstalledPaho(example!.code.replace(address, cloud.gatewayUrl)), /\n/);

    expect(said).toBe("home/lamp b'on'\n");
  });

  it.each([0, 1, 2] as const)(
    'exchanges messages with MQTT.js at QoS %i, in payloads of 0, 20 KB and 90 KB',
    async (qos) => {
      const paho = await joined({ clientId: `paho${qos}` });
      const client = await mqttjs();
      await paho.subscribe('to/paho', qos);
      await client.subscribeAsync('from/paho', { qos });
      const payloads = [0, 20_480, 92_160].map((size) => 'x'.repeat(size));

      const received = messagesOf(client, payloads.length);
      paho.publish(...payloads.map((payload) => ({ topic: 'from/paho', payload, qos })));
      for (const payload of payloads) await client.publishAsync('to/paho', payload, { qos });

      expect((await received).map(String)).toEqual(payloads);
      expect(await paho.payloads(payloads.length)).toEqual(payloads);
    },
  );

  it('supports MQTT 5.0', async () => {
    const paho = await joined({ clientId: 'five', version: 5 });
    await paho.subscribe('five', 1);

    paho.publish({ topic: 'five', payload: 'to myself', qos: 1 });

    expect(await paho.payloads(1)).toEqual(['to myself']);
  });

  it('publishes and receives a retained message', async () => {
    const publisher = await joined({ clientId: 'retainer' });
    publisher.publish({ topic: 'kept/1', payload: 'still here', qos: 1, retain: true });
    await publisher.next('published');

    const late = await joined({ clientId: 'late' });
    await late.subscribe('kept/+', 1);

    expect(await late.next('message')).toMatchObject({ topic: 'kept/1', payload: 'still here', retain: true });
  });

  it('has its will published when it is killed, but not after DISCONNECT', async () => {
    const client = await mqttjs();
    await client.subscribeAsync('wills/#', { qos: 1 });
    const will = (payload: string) => ({ topic: 'wills/1', payload, qos: 1 as const });
    const polite = await joined({ clientId: 'polite', will: will('should not be said') });
    const killed = await joined({ clientId: 'killed', will: will('was killed') });

    const received = messagesOf(client, 1);
    polite.disconnect();
    await polite.next('disconnected');
    await cloud.settled();
    await killed.kill();

    expect((await received).map(String)).toEqual(['was killed']);
  });

  it('resumes its session after its socket was cut, and restarts the numbers of its frames', async () => {
    const client = await mqttjs();
    const [publisherId] = cloud.connections();
    const paho = await joined({ clientId: 'resumed', clean: false });
    await paho.subscribe('while/away', 1);
    const [pahoId] = cloud.connections().filter((id) => id !== publisherId);

    cloud.faults.cut(pahoId!);
    await paho.next('disconnected');
    await client.publishAsync('while/away', 'missed', { qos: 1 });

    expect(await paho.next('connected')).toMatchObject({ sessionPresent: true });
    expect(await paho.payloads(1)).toEqual(['missed']);
    paho.publish({ topic: 'while/away', payload: 'heard', qos: 1 });
    expect(await paho.payloads(1)).toEqual(['heard']);
  });

  it('publishes stored messages after its socket was cut in the middle of a large packet', async () => {
    const client = await mqttjs();
    await client.subscribeAsync('cut/off', { qos: 1 });
    const paho = await joined({ clientId: 'sliced', clean: false });
    const payload = 'y'.repeat(92_160);

    const received = messagesOf(client, 1);
    await cloud.faults.set({ fault: 'frame', does: 'cut', skip: 1, times: 1 });
    paho.publish({ topic: 'cut/off', payload, qos: 1 });

    expect((await received).map(String)).toEqual([payload]);
    expect(cloud.faults.report()).toMatchObject([{ struck: 1 }]);
    await cloud.faults.clear();
  });

  it('refuses a message that is too large for the broker before it sends any of it', async () => {
    const paho = await joined({ clientId: 'large' });
    await paho.subscribe('large', 0);
    const header = 1 + 3 + 2 + 'large'.length;

    paho.publish({ topic: 'large', payload: 'x'.repeat(97_281 - header), qos: 0 });
    paho.publish({ topic: 'large', payload: 'z'.repeat(97_280 - header), qos: 0 });

    expect(await paho.next('refused')).toMatchObject({ message: 'a packet of 97281 bytes is over the limit of 97280' });
    expect(await paho.payloads(1)).toEqual(['z'.repeat(97_280 - header)]);
  });

  it('puts messages that are published in one turn into few frames', async () => {
    const gateway = await startTextGateway();
    const paho = await joined({ clientId: 'burst', url: gateway.url });
    await paho.subscribe('burst', 1);
    const payloads = Array.from({ length: 1_000 }, (_, n) => `message ${n}`);

    const before = gateway.frameSizes.length;
    paho.publish(...payloads.map((payload) => ({ topic: 'burst', payload, qos: 0 as const })));
    const heard = await paho.payloads(payloads.length);

    expect(heard).toEqual(payloads);
    expect(gateway.breaches).toEqual([]);
    expect(gateway.frameSizes.length - before).toBeLessThan(payloads.length / 2);
    await paho.kill();
    await gateway.close();
  });

  it('uses a new token for each handshake', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const heard: (string | undefined)[] = [];
    const twice = new Promise<void>((resolve) => {
      server.on('connection', (socket, { headers }) => {
        if (heard.push(headers.authorization) === 2) resolve();
        socket.terminate();
      });
    });

    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/mqtt`;
    start({ clientId: 'bearer', url, tokens: ['one', 'two', 'three'] });

    await twice;
    expect(heard).toEqual(['Bearer one', 'Bearer two']);
    server.close();
  });

  (hasOpenssl ? it : it.skip)('trusts the certificate authorities of the system, and nobody else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cirrus-'));
    const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => join(folder, name)) as [string, string];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost'];
    const names = ['-addext', 'subjectAltName=DNS:localhost'];
    execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
    const front = createHttpsServer({ key: readFileSync(key), cert: readFileSync(certificate) });
    // TLS ends here; its content is forwarded to the gateway.
    front.removeAllListeners('secureConnection').on('secureConnection', (inside) => {
      const gateway = connectSocket(cloud.port, '127.0.0.1');
      inside.pipe(gateway).pipe(inside);
      for (const socket of [inside, gateway]) socket.on('error', () => gateway.destroy());
    });
    await once(front.listen(0, '127.0.0.1'), 'listening');
    const url = `wss://localhost:${(front.address() as AddressInfo).port}/mqtt`;

    const stranger = start({ clientId: 'stranger', url });
    const refused = once(front, 'tlsClientError');
    const paho = start({ clientId: 'secure', url }, { SSL_CERT_FILE: certificate });
    await paho.next('connected');
    await paho.subscribe('secure', 2);
    paho.publish({ topic: 'secure', payload: 's'.repeat(92_160), qos: 2 });

    expect(await paho.payloads(1)).toEqual(['s'.repeat(92_160)]);
    await refused;
    await Promise.all([stranger.kill(), paho.kill()]);
    front.close();
    rmSync(folder, { recursive: true });
  });
});
