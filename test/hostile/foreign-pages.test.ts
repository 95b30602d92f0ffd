import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { SQS } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { hostRule, originRule, WebAccess } from '../../clients/web-access';
import { type Cloud, startCloud } from '../../local/cloud';
import { adapterFor, endAll, silentGateway } from '../clients/support/adapter-rig';
import { certificate } from '../clients/support/listener-clients';
import { Random } from '../support/random';

const folder = mkdtempSync(join(tmpdir(), 'cirrus-pages-'));
afterAll(() => rmSync(folder, { recursive: true }));

const root = join(__dirname, '../..');
const evil = 'https://evil.example';

interface Question {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Returns the HTTP status of a local server; 0 if it closes the connection without one. */
async function ask(port: number, { method = 'GET', target = '/', headers = {}, body = '' }: Question): Promise<number> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  const all = { Host: `127.0.0.1:${port}`, Connection: 'close', 'Content-Length': String(body.length), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
  let said = '';
  socket.on('data', (chunk) => {
    said += chunk.toString('latin1');
    if (said.includes('\r\n\r\n')) socket.end();
  });
  await closed(socket);
  return Number(/^HTTP\/1\.1 (\d+)/.exec(said)?.[1] ?? 0);
}

/** Resolves when a socket is closed, with or without an error. */
function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve));
}

const handshake = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol': 'mqtt',
};

const shake = (port: number, headers: Readonly<Record<string, string>>) =>
  ask(port, { target: '/mqtt', headers: { ...handshake, ...headers } });

describe('the local cloud, for pages of other origins', () => {
  let cloud: Cloud;
  let dynamodbPort: number;
  beforeAll(async () => {
    cloud = await startCloud({
      containers: 1,
      allowOrigins: ['https://page.example'],
      allowHosts: ['broker.example'],
      bridge: { entries: [{ direction: 'out', filter: 'a/#' }] },
    });
    dynamodbPort = Number(new URL(cloud.endpoints.dynamodb).port);
  });
  afterAll(() => cloud.stop());

  it.each([
    ['no browser', {}, 101],
    ['the console', { Origin: 'http://127.0.0.1:PORT' }, 101],
    ['paho-mqtt, which says https for its own server', { Origin: 'https://127.0.0.1:PORT' }, 101],
    ['another page of this machine', { Origin: 'http://localhost:5173' }, 101],
    ['a page that is allowed', { Origin: 'https://page.example' }, 101],
    ['a page that is not', { Origin: evil }, 403],
    ['a page whose name begins like an allowed one', { Origin: 'https://page.example.evil.example' }, 403],
    ['a file, or a frame in a sandbox', { Origin: 'null' }, 403],
    [
      'a page whose name leads to this machine now',
      { Origin: 'http://evil.example:PORT', Host: 'evil.example:PORT' },
      403,
    ],
    ['somebody under a name that it does not have', { Host: 'evil.example' }, 403],
    ['somebody under a name with the loopback in it', { Host: '127.0.0.1.evil.example' }, 403],
    ['somebody under a name that it was given', { Host: 'broker.example:8080' }, 101],
    ['somebody under a name of the loopback', { Host: 'LOCALHOST:1' }, 101],
    ['somebody with an address in brackets', { Host: '[::1]:8080' }, 101],
  ])('responds to the handshake of %s', async (_who, headers, status) => {
    const filled = Object.entries(headers).map(([name, value]) => [name, value.replace('PORT', String(cloud.port))]);

    expect(await shake(cloud.port, Object.fromEntries(filled))).toBe(status);
  });

  const reads = ['/', '/bill', '/faults', '/dead-letters', '/events', '/settled', '/resources', '/api/clients'];
  const changes = [
    ['DELETE', '/bill'],
    ['POST', '/bill/reset'],
    ['POST', '/faults'],
    ['DELETE', '/faults'],
    ['POST', '/redrive'],
    ['POST', '/schedule'],
  ] as const;

  it.each(reads)('shows %s to nobody under a foreign name, and to no foreign page', async (target) => {
    expect(await ask(cloud.port, { target, headers: { Host: 'evil.example' } })).toBe(403);
    expect(await ask(cloud.port, { target, headers: { Origin: evil } })).toBe(403);
    expect(await ask(cloud.port, { target })).not.toBe(target.startsWith('/api') ? 200 : 403);
  });

  it.each(changes)('does %s %s only for who means it', async (method, target) => {
    const body = target === '/faults' ? '{"fault":"seed","seed":1}' : target === '/redrive' ? 'packets' : '';
    const json = { 'Content-Type': 'application/json' };
    const forms = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=b'];

    for (const type of forms) {
      expect(await ask(cloud.port, { method, target, body, headers: { 'Content-Type': type } })).toBe(403);
    }
    expect(await ask(cloud.port, { method, target, body })).toBe(403);
    expect(await ask(cloud.port, { method, target, body, headers: { ...json, Origin: evil } })).toBe(403);
    expect(await ask(cloud.port, { method, target, body, headers: { ...json, Host: 'evil.example' } })).toBe(403);
    expect(await ask(cloud.port, { method, target, body, headers: json })).toBe(200);
    expect(await ask(cloud.port, { method, target, body, headers: { 'X-Cirrus-Control': '1' } })).toBe(200);
  });

  it('refuses requests that are larger than those of any service', async () => {
    const headers = { 'Content-Type': 'application/json' };

    expect(await ask(cloud.port, { method: 'POST', target: '/faults', headers, body: 'x'.repeat(17_000_000) })).toBe(
      413,
    );
  });

  it('responds to no preflight, so that no browser sends those headers for a foreign page', async () => {
    expect(await ask(cloud.port, { method: 'OPTIONS', target: '/faults', headers: { Origin: evil } })).toBe(403);
    expect(await ask(cloud.port, { method: 'OPTIONS', target: '/faults' })).toBe(404);
  });

  const calls: readonly (readonly [string, () => number, Question])[] = [
    ['DynamoDB', () => dynamodbPort, { headers: { 'X-Amz-Target': 'DynamoDB_20120810.ListTables' }, body: '{}' }],
    ['SQS', () => cloud.port, { headers: { 'X-Amz-Target': 'AmazonSQS.ListQueues' }, body: '{"QueueUrl":"a/b"}' }],
    ['EventBridge', () => cloud.port, { headers: { 'X-Amz-Target': 'AWSEvents.PutEvents' }, body: '{}' }],
    ['@connections', () => cloud.port, { target: '/mqtt/@connections/a', body: 'x' }],
    ['AWS IoT Core', () => cloud.port, { target: '/topics/a', body: 'x' }],
    ['the API', () => cloud.port, { method: 'GET', target: '/api/clients' }],
  ];

  it.each(calls)('refuses calls of %s without a good signature', async (_service, port, question) => {
    const forged =
      'AWS4-HMAC-SHA256 Credential=local/20261130/us-east-1/dynamodb/aws4_request, SignedHeaders=host, ' +
      `Signature=${'0'.repeat(64)}`;
    const asked = { method: 'POST', ...question };

    expect(await ask(port(), asked)).toBe(403);
    expect(await ask(port(), { ...asked, headers: { ...asked.headers, Authorization: forged } })).toBe(403);
  });

  it('accepts calls that are signed with the local keys only', async () => {
    const settings = (secretAccessKey: string) => ({
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey },
      maxAttempts: 1,
    });
    const tables = (secret: string) =>
      new DynamoDB({ ...settings(secret), endpoint: cloud.endpoints.dynamodb }).listTables({});
    const QueueUrl = `${cloud.endpoints.sqs}/000000000000/timer`;
    const attributes = (secret: string) =>
      new SQS({ ...settings(secret), endpoint: cloud.endpoints.sqs }).sendMessage({ QueueUrl, MessageBody: '{}' });

    expect((await tables('local')).TableNames).toContain('cirrus-sessions');
    await expect(tables('guessed')).rejects.toThrow('signature');
    await expect(attributes('guessed')).rejects.toThrow('signature');
  });

  it('refuses foreign pages and foreign host names at DynamoDB', async () => {
    expect(await ask(dynamodbPort, { method: 'POST', headers: { Host: 'evil.example' } })).toBe(403);
    expect(await ask(dynamodbPort, { method: 'POST', headers: { Origin: evil } })).toBe(403);
  });
});

describe('an adapter, for pages of other origins', () => {
  const loopback = { host: '127.0.0.1', port: 0 };
  afterEach(endAll);

  const start = async (options = {}) => adapterFor((await silentGateway()).url, options);

  it.each([
    ['no browser', {}, 101],
    ['paho-mqtt', { Origin: 'https://127.0.0.1:PORT' }, 101],
    ['a page that is allowed', { Origin: 'https://page.example' }, 101],
    ['a page of a machine that is allowed', { Origin: 'http://lab.example:4000' }, 101],
    ['a page that is not', { Origin: evil }, 403],
    ['a page of another port of this machine', { Origin: 'http://localhost:5173' }, 403],
    [
      'a page whose name leads to this machine now',
      { Origin: 'http://evil.example:PORT', Host: 'evil.example:PORT' },
      403,
    ],
    ['a client under a foreign name', { Host: 'evil.example' }, 403],
    ['a client under a name that it was given', { Host: 'broker.example' }, 101],
    ['a client under its address', { Host: '192.0.2.7:8083' }, 101],
  ])('responds to the handshake of %s', async (_who, headers, status) => {
    const allowOrigins = ['https://page.example', 'http://lab.example:*'];
    const { webSocketPort } = await start({ allowOrigins, allowHosts: ['broker.example'] });
    const filled = Object.entries(headers).map(([name, value]) => [name, value.replace('PORT', String(webSocketPort))]);

    expect(await shake(webSocketPort!, Object.fromEntries(filled))).toBe(status);
  });

  it('opens no connection to the gateway, and counts no client, for a refused handshake', async () => {
    const gateway = await silentGateway();
    const { webSocketPort, lines } = await adapterFor(gateway.url);

    for (let n = 0; n < 20; n++) expect(await shake(webSocketPort!, { Origin: evil })).toBe(403);

    expect(gateway.sockets).toEqual([]);
    expect(lines).toHaveLength(20);
    expect(lines[0]).toMatch(/^refused 127\.0\.0\.1:\d+: pages of "https:\/\/evil\.example" may not use this server; /);
  });

  it('checks the same with TLS, where it has the names of its certificate', async () => {
    const adapter = await start({ listenSecureWebSocket: loopback, certificate });
    const status = (headers: Record<string, string>) =>
      new Promise((resolve) => {
        const url = `wss://127.0.0.1:${adapter.secureWebSocketPort}/mqtt`;
        const socket = new WebSocket(url, 'mqtt', { rejectUnauthorized: false, headers }).on('error', () => {});
        socket
          .once('open', () => resolve(101))
          .once('unexpected-response', (_request, { statusCode }) => {
            resolve(statusCode);
            socket.terminate();
          });
        socket.once('open', () => socket.terminate());
      });

    expect(await status({})).toBe(101);
    expect(await status({ Origin: evil })).toBe(403);
    expect(await status({ Host: 'evil.example' })).toBe(403);
  });

  it('refuses metrics and health under foreign host names and to foreign pages', async () => {
    const { monitorPort, healthPort } = await start({ monitor: loopback, health: loopback });
    for (const port of [monitorPort!, healthPort!]) {
      expect(await ask(port, { target: '/healthz', headers: { Host: 'evil.example' } })).toBe(403);
      expect(await ask(port, { target: '/healthz', headers: { Origin: evil } })).toBe(403);
      expect(await ask(port, { target: '/healthz', headers: { Host: '192.0.2.7:9464' } })).toBe(200);
    }
  });
});

describe('the names and origins of options', () => {
  it.each([
    ['https://page.example', 'https://page.example'],
    ['https://Page.example:443', 'https://page.example'],
    ['http://localhost:*', 'http://localhost:*'],
    ['http://[::1]:*', 'http://[::1]:*'],
    ['*', '*'],
    ['null', 'null'],
    ['page.example', undefined],
    ['https://page.example/path', undefined],
    ['https://user@page.example', undefined],
    ['', undefined],
  ])('are read: origin %s', (value, rule) => {
    expect(originRule(value)).toBe(rule);
  });

  it.each([
    ['broker.example', 'broker.example'],
    ['Broker.Example.', 'broker.example'],
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['broker.example:8080', undefined],
    ['https://broker.example', undefined],
    ['', undefined],
  ])('are read: host %s', (value, rule) => {
    expect(hostRule(value)).toBe(rule);
  });

  it('allow every page if they are *', () => {
    expect(new WebAccess({ origins: ['*'] }).problemOf({ host: 'localhost', origin: evil })).toBeUndefined();
  });
});

describe('an invalid request', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  /** Starts a program of the project; resolves with the ports that it prints. */
  async function started(script: string, args: readonly string[], isReady: RegExp): Promise<number[]> {
    const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let said = '';
    for await (const chunk of child.stdout!) {
      said += chunk;
      if (isReady.test(said)) break;
    }
    const lines = said.split('\n').filter((line) => /^ready|^listening/.test(line));
    return [
      ...new Set(
        lines
          .join('\n')
          .match(/(?<=:|port )\d{4,5}/g)
          ?.map(Number),
      ),
    ];
  }

  const targets = [
    '//',
    '///',
    '*',
    'http://evil.example/',
    '/%',
    '/%ff',
    '/mqtt/@connections/%',
    '/topics/%zz',
    '/api/%E0',
    '/\\',
    '/?',
    '/mqtt?%',
    '//mqtt',
    '/retainedMessage/%',
    '/__proto__',
    '/constructor',
    'evil',
    '',
  ];
  const methods = ['GET', 'POST', 'DELETE', 'CONNECT', 'OPTIONS', 'HEAD', 'PUT', 'BREW', '__proto__'];
  const oddHeaders: Readonly<Record<string, string>>[] = [
    {},
    { Connection: 'Upgrade', Upgrade: 'websocket' },
    { Connection: 'Upgrade', Upgrade: 'h2c' },
    { ...handshake, 'Sec-WebSocket-Key': 'short' },
    { ...handshake, 'Sec-WebSocket-Version': '999' },
    { ...handshake, 'Sec-WebSocket-Protocol': 'a,,b,a' },
    { ...handshake, 'Sec-WebSocket-Extensions': 'permessage-deflate; x=' },
    { Host: '' },
    { Host: '[' },
    { Origin: 'http://[' },
    { 'Content-Length': '-1' },
    { 'Content-Length': '10' },
    { 'Transfer-Encoding': 'chunked' },
    { 'X-Long': 'x'.repeat(100_000) },
    { 'X-Amz-Target': 'AmazonSQS.__proto__' },
    { 'X-Amz-Target': 'DynamoDB_20120810.PutItem', Authorization: 'AWS4-HMAC-SHA256 Credential=' },
    { Expect: '100-continue' },
  ];

  /** Sends bytes to a port and closes the connection in a random way. */
  async function send(port: number, bytes: Buffer, isAbrupt: boolean): Promise<void> {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    const gone = closed(socket);
    socket.write(bytes, () => (isAbrupt ? socket.resetAndDestroy() : socket.end()));
    const timer = setTimeout(() => socket.destroy(), 50);
    socket.resume();
    await gone;
    clearTimeout(timer);
  }

  async function* attacks(): AsyncGenerator<Buffer> {
    for (const target of targets) {
      for (const [index, headers] of oddHeaders.entries()) {
        const all = { Host: '127.0.0.1', ...headers };
        const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
        const method = methods[index % methods.length];
        yield Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n{"a":`, 'latin1');
      }
    }
    const random = new Random(7);
    for (let n = 0; n < 100; n++) yield random.bytes(random.below(200));
    yield Buffer.from('16030100050100000103', 'hex');
    yield Buffer.from('GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n');
    yield Buffer.alloc(1_000_000, 'a');
  }

  async function bombard(ports: readonly number[]): Promise<void> {
    let count = 0;
    for await (const bytes of attacks()) {
      await Promise.all(ports.map((port) => send(port, bytes, count % 3 === 0)));
      count += 1;
    }
  }

  it('does not end the local cloud', async () => {
    const free = ['--port', '--mqtt-port', '--mqtt-ws-port'].flatMap((flag) => [flag, '0']);
    const bridge = join(folder, 'bridge.json');
    writeFileSync(bridge, '{"entries": [{"direction": "both", "filter": "a/#"}]}');
    const words = [...free, '--iot-port', '0', '--bridge', bridge];
    const [port, ...others] = await started('bin/local.ts', words, /^ready .*\n/m);
    const resources = (await (await fetch(`http://127.0.0.1:${port}/resources`)).json()) as { dynamodb: string };
    const ports = [port!, ...others, Number(new URL(resources.dynamodb).port)];
    expect(ports).toHaveLength(5);

    await bombard(ports);

    expect(children[0]!.exitCode).toBeNull();
    expect(await ask(port!, { target: '/bill' })).toBe(200);
    expect(await shake(port!, {})).toBe(101);
  });

  it('does not end the adapter', async () => {
    const listeners = ['--listen', '--listen-tls', '--listen-ws', '--listen-wss', '--metrics', '--health'];
    const args = [...listeners.flatMap((flag) => [flag, '0']), '--cert', certificate.cert, '--key', certificate.key];
    const gateway = await silentGateway();
    const words = ['adapter', gateway.url, ...args, '--log', 'none'];
    const ports = await started('bin/cirrus-mqtt.ts', words, /health checks on port \d+\n/);
    expect(ports).toHaveLength(6);

    await bombard(ports);

    expect(children[0]!.exitCode).toBeNull();
    expect(await ask(ports[5]!, { target: '/healthz' })).toBe(200);
    expect(await shake(ports[2]!, {})).toBe(101);
    await endAll();
  });
});
