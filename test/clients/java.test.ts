import { type ChildProcessWithoutNullStreams, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { connectAsync, type IClientOptions, type IConnackPacket, MqttClient } from 'mqtt';
import { type WebSocket, WebSocketServer } from 'ws';
import { createWebsocket } from '../../clients/mqttjs';
import vectors from '../../docs/wire-vectors.json';
import { type Cloud, startCloud } from '../../local/cloud';
import { codeBlocks } from '../support/markdown';
import { filesBelow, hasJdk, hasPaho, JavaClasses, JavaPeer, pahoJars } from './support/java';
import { messagesOf } from './support/messages';
import { ProgramStream } from './support/program-stream';
import { startTextGateway, type TextGateway } from './support/text-gateway';

// A Java virtual machine starts slowly on a busy machine.
jest.setTimeout(180_000);

const root = join(__dirname, '../..');
const main = 'clients/java/src/main/java/cirrus/mqtt';

if (!hasJdk) console.warn('there is no JDK: clients/java is NOT tested');
else if (!hasPaho)
  console.warn('Paho is not in ~/.m2 (mvn -f clients/java/pom.xml package): clients/java is NOT tested with Paho');

const withJdk = hasJdk ? describe : describe.skip;
const withPaho = hasPaho ? describe : describe.skip;

const expand = (text: string) =>
  text.replace(/<(\d+)\*([^>]*)>/g, (_match, count: string, unit: string) => unit.repeat(Number(count)));
const hexOf = (text: string) => Buffer.from(expand(text)).toString('hex');

withJdk('the wire format in Java', () => {
  const { clientToServer, clientToServerErrors, serverToClient, serverToClientErrors } = vectors;
  const said = new Map<unknown, string[]>();

  const writes = (parts: string[]) => [
    ...parts.map((part) => (part === '' ? 'flush' : `write ${expand(part)}`)),
    'flush',
  ];
  const stream = expand('100d00044d51545404020014000161' + '30acea01000161<29993*2a>' + 'c000' + '30060003612f622a');
  const chunkings = [stream.length, 2, 14, 8_192].map((size) => stream.match(new RegExp(`.{1,${size}}`, 'g'))!);

  const publish = (first: string) => expand(`${first}fdf705<97277*2a>`);
  const oversized = {
    refused: [publish('32')],
    skipped: ['c000', ...publish('3a').match(/.{1,60000}/g)!, 'c000'],
    largest: [expand('34fcf705<97276*2a>')],
  };

  // One virtual machine for all vectors is faster than one for each.
  beforeAll(() => {
    const classes = new JavaClasses([...filesBelow(`${main}/wire`), 'test/clients/java/PlayVectors.java']);
    const plays: [unknown, string[]][] = [
      ...clientToServer.map((vector) => [vector, writes(vector.writes)] as [unknown, string[]]),
      ...clientToServerErrors.map((vector) => [vector, writes(vector.writes).slice(0, -1)] as [unknown, string[]]),
      ...[...serverToClient, ...serverToClientErrors].map(
        (vector) => [vector, [`read ${hexOf(vector.frame)}`]] as [unknown, string[]],
      ),
      ...Object.values(oversized).map((parts) => [parts, writes(parts)] as [unknown, string[]]),
      ...chunkings.map((chunks) => [chunks, writes(chunks)] as [unknown, string[]]),
    ];
    const input = plays.flatMap(([, commands]) => ['begin', ...commands]).join('\n');
    const outputs = classes.run('PlayVectors', `${input}\n`).split('begin\n').slice(1);
    for (const [index, [vector]] of plays.entries()) said.set(vector, outputs[index]!.split('\n').slice(0, -1));
    classes.remove();
  });

  it.each(clientToServer)('writes: $name', (vector) => {
    expect(said.get(vector)).toEqual(vector.frames.map((frame) => `frame ${expand(frame)}`));
  });

  it.each(clientToServerErrors)('refuses to write: $name', (vector) => {
    expect(said.get(vector)).toEqual([`WireException ${vector.error}`]);
  });

  it.each(serverToClient)('reads: $name', (vector) => {
    expect(said.get(vector)).toEqual([`bytes ${expand(vector.bytes)}`]);
  });

  it.each(serverToClientErrors)('refuses to read: $name', (vector) => {
    const kind = vector.error.startsWith('gateway') ? 'GatewayException' : 'WireException';

    expect(said.get(vector)).toEqual([`${kind} ${vector.error}`]);
  });

  it('refuses an oversized PUBLISH once, and discards it when it is resent', () => {
    expect(said.get(oversized.refused)).toEqual(['WireException a packet of 97281 bytes is over the limit of 97280']);
    expect(said.get(oversized.skipped)).toEqual(['frame 1.wADAAA==']);
    expect(said.get(oversized.largest)).toHaveLength(4);
  });

  it('creates the same frames for any chunking of a turn', () => {
    const [whole, ...others] = chunkings.map((chunks) => said.get(chunks));

    expect(whole).toHaveLength(4);
    for (const frames of others) expect(frames).toEqual(whole);
  });
});

// The program forwards the bytes of MQTT.js to the gateway and back, like a Java library.
withJdk('the connection in Java', () => {
  let classes: JavaClasses;
  let cloud: Cloud;
  const children: ChildProcessWithoutNullStreams[] = [];
  const clients: MqttClient[] = [];

  beforeAll(async () => {
    const sources = [...filesBelow(`${main}/wire`), ...filesBelow(`${main}/websocket`)];
    classes = new JavaClasses([...sources, 'test/clients/java/Pipe.java']);
    cloud = await startCloud({ containers: 1 });
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  afterAll(async () => {
    await cloud.stop();
    classes.remove();
  });

  function run(...words: string[]) {
    const child = classes.start(...words);
    children.push(child);
    return child;
  }

  async function throughJava(url: string, options: IClientOptions = {}): Promise<MqttClient> {
    const client = new MqttClient(() => new ProgramStream(run('Pipe', `cirrus+${url}`)), {
      reconnectPeriod: 0,
      ...options,
    });
    clients.push(client);
    await new Promise<void>((resolve) => client.once('connect', () => resolve()));
    return client;
  }

  it.each([0, 1, 2] as const)('carries QoS %i and payloads of 0, 20 KB and 90 KB', async (qos) => {
    const client = await throughJava(cloud.gatewayUrl);
    await client.subscribeAsync(`java/${qos}`, { qos });
    const payloads = [0, 20_480, 92_160].map((size) => 'x'.repeat(size));

    const heard = messagesOf(client, payloads.length);
    for (const payload of payloads) await client.publishAsync(`java/${qos}`, payload, { qos });

    expect((await heard).map(String)).toEqual(payloads);
  });

  it('resumes the session after its socket was cut', async () => {
    const client = await throughJava(cloud.gatewayUrl, { clientId: 'cut', clean: false, reconnectPeriod: 10 });
    await client.subscribeAsync('missed', { qos: 1 });

    const heard = messagesOf(client, 1);
    cloud.faults.cut(cloud.connections().at(-1)!);
    const other = await connectAsync(cloud.gatewayUrl, { createWebsocket, reconnectPeriod: 0 });
    clients.push(other);
    await other.publishAsync('missed', 'while away', { qos: 1 });

    expect(String(await heard)).toBe('while away');
  });

  describe('to a gateway that counts frames', () => {
    let gateway: TextGateway;

    beforeAll(async () => {
      gateway = await startTextGateway();
    });

    afterAll(() => gateway.close());

    it('sends a burst of 1,000 messages in order and in shared frames', async () => {
      const client = await throughJava(gateway.url);
      await client.subscribeAsync('burst');
      const framesBefore = gateway.frameSizes.length;

      const heard = messagesOf(client, 1_000);
      for (let n = 0; n < 1_000; n++) client.publish('burst', `message ${n}`);

      expect((await heard).map(String)).toEqual(Array.from({ length: 1_000 }, (_, n) => `message ${n}`));
      expect(gateway.frameSizes.length - framesBefore).toBeLessThan(100);
      expect(gateway.breaches).toEqual([]);
    });
  });

  describe('to a gateway that', () => {
    let server: WebSocketServer;
    const url = (path = '/') => `cirrus+ws://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

    beforeAll(async () => {
      server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
      await once(server, 'listening');
    });

    afterAll(() => server.close());
    afterEach(() => {
      server.removeAllListeners('connection');
    });

    /** The received bytes, and the error message at the end. */
    async function readWhen(said: (socket: WebSocket) => void) {
      server.on('connection', said);
      const { stdout, stderr } = run('Pipe', url());
      const [bytes, complaint] = await Promise.all([text(stdout.setEncoding('latin1')), text(stderr)]);
      return { bytes: Buffer.from(bytes, 'latin1').toString('hex'), complaint: complaint.trim() };
    }

    it('sends fragments with a ping between them, reads the message', async () => {
      const read = await readWhen((socket) => {
        socket.send('0', { fin: false });
        socket.ping('x');
        socket.once('pong', () => {
          socket.send('A', { fin: false });
          socket.send('A=', { fin: true });
          socket.close(1001, 'Going away');
        });
      });

      expect(read).toEqual({ bytes: 'd000', complaint: 'the gateway closed the connection: 1001 Going away' });
    });

    it.each<[string, string | Buffer, string]>([
      ['failed', '{"message":"Internal server error"}', 'gateway: Internal server error'],
      ['sends no base64', '0A!=', 'frame is not base64: 4 characters'],
      ['sends bytes', Buffer.from('d000', 'hex'), 'binary frame from the gateway'],
      ['sends more than 128 KB', 'A'.repeat(131_076), 'frame of 131076 bytes from the gateway'],
    ])('%s, ends with the reason', async (_what, frame, complaint) => {
      expect(await readWhen((socket) => socket.send(frame))).toEqual({ bytes: '', complaint });
    });

    it('needs a header and a query, sends them, with the subprotocol mqtt', async () => {
      run('Pipe', url('/mqtt?access_token=abc'), 'Bearer secret');
      const [socket, { url: path, headers }] = await once(server, 'connection');

      expect({ path, protocol: socket.protocol, authorization: headers.authorization }).toEqual({
        path: '/mqtt?access_token=abc',
        protocol: 'mqtt',
        authorization: 'Bearer secret',
      });
      expect(headers['sec-websocket-extensions']).toBeUndefined();
    });

    it('refuses, ends with its response', async () => {
      server.options.verifyClient = () => false;
      const { stderr } = run('Pipe', url());

      expect(await text(stderr)).toBe('the gateway refused: HTTP/1.1 401 Unauthorized\n');
      delete server.options.verifyClient;
    });
  });

  it.each([
    ['mqtt://127.0.0.1', '"mqtt" is none of the schemes [cirrus+wss, cirrus+ws]'],
    ['cirrus+wss:/mqtt', 'no host in the address; it looks like cirrus+wss://host/mqtt'],
    ['cirrus+wss://ann:sesame@host/mqtt', 'a user name belongs into the options, not into the address'],
  ])('refuses an address like %s', async (address, complaint) => {
    expect(await text(run('Pipe', address).stderr)).toContain(`IllegalArgumentException: ${complaint}`);
  });

  describe('over TLS', () => {
    let store: string;
    let port: number;
    let stop: () => void;

    beforeAll(async () => {
      store = join(classes.folder, 'localhost.p12');
      const subject = ['-alias', 'gateway', '-dname', 'CN=localhost', '-ext', 'san=dns:localhost'];
      const kind = ['-keyalg', 'EC', '-storetype', 'PKCS12', '-keystore', store, '-storepass', 'sesame'];
      execFileSync('keytool', ['-genkeypair', ...subject, ...kind], { stdio: 'pipe' });
      const server = createHttpsServer({ pfx: readFileSync(store), passphrase: 'sesame' });
      server.on('upgrade', (request, socket) => {
        const { pathname } = new URL(cloud.gatewayUrl);
        const gateway = connectSocket(cloud.port, '127.0.0.1');
        const headers = request.rawHeaders.map((word, index) => (index % 2 ? `${word}\r\n` : `${word}: `)).join('');
        gateway.write(`GET ${pathname} HTTP/1.1\r\n${headers}\r\n`);
        gateway.pipe(socket).pipe(gateway);
        socket.on('error', () => gateway.destroy());
        gateway.on('error', () => socket.destroy());
      });
      server.listen(0);
      await once(server, 'listening');
      port = (server.address() as AddressInfo).port;
      stop = () => server.close().closeAllConnections();
    });

    afterAll(() => stop());

    const trusting = () => [`-Djavax.net.ssl.trustStore=${store}`, '-Djavax.net.ssl.trustStorePassword=sesame'];

    it('connects to a gateway whose certificate is trusted', async () => {
      const program = () => run(...trusting(), 'Pipe', `cirrus+wss://localhost:${port}/mqtt`);
      const client = new MqttClient(() => new ProgramStream(program()), { reconnectPeriod: 0 });
      clients.push(client);

      const { returnCode } = await new Promise<IConnackPacket>((resolve) => client.once('connect', resolve));
      expect(returnCode).toBe(0);
    });

    it.each([
      ['is not trusted', 'localhost', false, /unable to find valid certification path/],
      ['is one for another host', '127.0.0.1', true, /No subject alternative names matching IP address 127\.0\.0\.1/],
    ])('refuses a gateway whose certificate %s', async (_what, host, trusts, complaint) => {
      const { stderr } = run(...(trusts ? trusting() : []), 'Pipe', `cirrus+wss://${host}:${port}/mqtt`);

      expect(await text(stderr)).toMatch(complaint);
    });
  });
});

withPaho('Paho in Java', () => {
  let classes: JavaClasses;
  let cloud: Cloud;
  const peers: JavaPeer[] = [];
  const clients: MqttClient[] = [];

  beforeAll(async () => {
    const sources = ['clients/java', 'test/clients/java'].flatMap((folder) => filesBelow(folder));
    classes = new JavaClasses(sources, pahoJars);
    cloud = await startCloud({ containers: 1 });
  });

  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.kill()));
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
  });

  afterAll(async () => {
    await cloud.stop();
    classes.remove();
  });

  async function mqttjs(): Promise<MqttClient> {
    const client = await connectAsync(cloud.gatewayUrl, { createWebsocket, reconnectPeriod: 0 });
    clients.push(client);
    return client;
  }

  it('runs the example of its README', async () => {
    const readme = readFileSync(join(root, 'clients/java/README.md'), 'utf8');
    const [example] = codeBlocks(readme).filter(({ language }) => language === 'java');
    const address = /cirrus\+wss:[^"]+/;
    expect(example?.code).toMatch(address);
    const file = join(classes.folder, 'Kitchen.java');
    writeFileSync(file, example!.code.replace(address, `cirrus+${cloud.gatewayUrl}`));
    const client = await mqttjs();
    await client.publishAsync('home/lamp', 'on', { retain: true, qos: 1 });

    const program = classes.start(file);
    const [line] = await once(program.stdout, 'data');
    program.kill('SIGKILL');

    expect(String(line)).toBe('home/lamp on\n');
  });

  it('puts the messages of a burst into shared frames, in order', async () => {
    const gateway = await startTextGateway();
    const paho = new JavaPeer(classes.start('Peer3', `cirrus+${gateway.url}`, 'burst', 'true'));
    peers.push(paho);
    await paho.subscribe('burst', 0);
    const framesBefore = gateway.frameSizes.length;

    const payloads = Array.from({ length: 900 }, (_, n) => `message ${n}`);
    for (const payload of payloads) paho.publish('burst', payload, 0);

    expect(await paho.payloads(payloads.length)).toEqual(payloads);
    expect(gateway.frameSizes.length - framesBefore).toBeLessThan(payloads.length / 2);
    expect(gateway.breaches).toEqual([]);
    await gateway.close();
  });

  describe.each([
    ['3.1.1', 'Peer3'],
    ['5.0', 'Peer5'],
  ])('for MQTT %s', (_version, name) => {
    async function join(clientId: string, { clean = true, will }: { clean?: boolean; will?: string } = {}) {
      const words = [name, `cirrus+${cloud.gatewayUrl}`, clientId, String(clean), ...(will ? [will] : [])];
      const peer = new JavaPeer(classes.start(...words));
      peers.push(peer);
      await peer.next('connected');
      return peer;
    }

    it('exchanges messages with MQTT.js at QoS 0, 1 and 2, in payloads of 0, 20 KB and 90 KB', async () => {
      const [paho, client] = [await join('talker'), await mqttjs()];
      await client.subscribeAsync('from/paho/#', { qos: 2 });
      await paho.subscribe('to/paho/#', 2);
      const payloads = [0, 20_480, 92_160].map((size) => 'x'.repeat(size));

      for (const qos of [0, 1, 2] as const) {
        const heard = messagesOf(client, payloads.length);
        for (const payload of payloads) paho.publish(`from/paho/${qos}`, payload, qos);
        expect((await heard).map(String)).toEqual(payloads);

        for (const payload of payloads) await client.publishAsync(`to/paho/${qos}`, payload, { qos });
        expect(await paho.payloads(payloads.length)).toEqual(payloads);
      }
    });

    it('publishes and receives a retained message, and has its will published when killed, but not after DISCONNECT', async () => {
      const client = await mqttjs();
      await client.subscribeAsync('wills/java', { qos: 1 });
      const polite = await join('polite', { will: 'should-not-be-said' });
      polite.publish('kept/1', 'still here', 1, true);
      await polite.next('delivered');
      await polite.disconnect();
      await cloud.settled();

      const late = await join('late', { will: 'was-killed' });
      await late.subscribe('kept/+', 1);
      const found = Buffer.from('still here').toString('base64');
      expect(await late.next('message')).toEqual(['kept/1', 'true', found]);

      const heard = messagesOf(client, 1);
      await late.kill();
      expect((await heard).map(String)).toEqual(['was-killed']);
    });

    it('resumes its session when its socket was cut', async () => {
      const client = await mqttjs();
      const before = cloud.connections();
      const paho = await join(`resumed-${name}`, { clean: false });
      await paho.subscribe('while/away', 1);

      cloud.faults.cut(cloud.connections().find((id) => !before.includes(id))!);
      await paho.next('lost');
      await client.publishAsync('while/away', 'missed', { qos: 1 });

      expect(await paho.payloads(1)).toEqual(['missed']);
      await paho.next('reconnected');
      paho.publish('while/away', 'back', 1);
      expect(await paho.payloads(1)).toEqual(['back']);
    });
  });

  it('reports the size of a packet that is too large', async () => {
    const paho = new JavaPeer(classes.start('Peer3', `cirrus+${cloud.gatewayUrl}`, 'large', 'true'));
    peers.push(paho);
    await paho.next('connected');

    paho.publish('a', 'x'.repeat(98_304), 0);

    expect((await paho.next('lost')).join(' ')).toContain('a packet of 98311 bytes is over the limit of 97280');
  });
});
