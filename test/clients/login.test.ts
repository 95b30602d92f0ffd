import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { IClientOptions, MqttClient } from 'mqtt';
import WebSocket from 'ws';
import { type Adapter, startAdapter } from '../../clients/adapter';
import { GuardedBroker } from '../support/guarded-broker';
import { OidcProvider } from '../support/oidc-provider';
import { messagesOf } from './support/messages';

// Node 20 has no global WebSocket. The class of `ws` has the same interface; the shim reads the global when it is loaded.
Object.assign(globalThis, { WebSocket });
const { createWebsocket } = require('../../clients/mqttjs') as typeof import('../../clients/mqttjs');

const isInstalled = ['mosquitto_pub', 'mosquitto_sub'].every((name) => !spawnSync(name, ['--help']).error);
if (!isInstalled) console.warn('mosquitto_pub and mosquitto_sub are not installed: NOT tested with users and tokens');

let provider: OidcProvider;
let guarded: GuardedBroker;

beforeAll(async () => {
  provider = await OidcProvider.start();
  guarded = await GuardedBroker.start({
    issuers: [{ issuer: provider.issuer, audience: 'mqtt' }],
    rules: [{ actions: ['publish', 'subscribe'], topics: ['devices/#'], who: { kinds: ['token'] } }],
  });
  await guarded.addUser('alice', 'sesame');
});

beforeEach(() => guarded.forgive());

afterAll(() => Promise.all([guarded.stop(), provider.stop()]));

/** Credentials of an accepted client, and its message. */
const proofs: readonly (readonly [what: string, password: () => Promise<string>])[] = [
  ['a user', async () => 'sesame'],
  ['a token', () => provider.token()],
];

/** Refused credentials, and the codes of MQTT 3.1.1 and 5.0. */
const failures: readonly (readonly [what: string, password: () => Promise<string>, older: number, newer: number])[] = [
  ['a wrong password', async () => 'wrong', 4, 0x86],
  ['a token for somebody else', () => provider.token({ audience: 'mail' }), 5, 0x87],
];

(isInstalled ? describe : describe.skip).each(['311', '5'])('mosquitto_pub and mosquitto_sub -V %s', (version) => {
  let adapter: Adapter;

  beforeAll(async () => {
    adapter = await startAdapter({ url: guarded.cloud.gatewayUrl, listen: { host: '127.0.0.1', port: 0 } });
  });

  afterAll(() => adapter.close());

  function mosquitto(program: string, password: string, ...args: string[]): ChildProcess {
    const login = ['-p', String(adapter.port), '-V', version, '-u', 'alice', '-P', password];
    return spawn('stdbuf', ['-oL', program, ...login, '-t', 'devices/x', '-q', '1', ...args]);
  }

  /** Exit code and output. */
  async function ended(run: ChildProcess): Promise<{ code: number; said: string }> {
    const [said, [code]] = await Promise.all([text(run.stderr!), once(run, 'close')]);
    return { code, said };
  }

  it.each(proofs)('send a message with %s', async (_what, password) => {
    const sub = mosquitto('mosquitto_sub', await password(), '-d', '-C', '1');
    const output = text(sub.stdout!);
    const isOver = ended(sub);
    await new Promise<void>((resolve) =>
      sub.stdout!.on('data', (chunk) => String(chunk).includes('Subscribed') && resolve()),
    );
    const pub = await ended(mosquitto('mosquitto_pub', await password(), '-m', 'hello'));

    expect(pub).toEqual({ code: 0, said: '' });
    expect((await isOver).code).toBe(0);
    expect((await output).split('\n')).toContain('hello');
  });

  it.each(failures)('are refused with %s, and print the reason', async (_what, password, older, newer) => {
    const code = version === '5' ? newer : older;
    const why = code === 4 || code === 0x86 ? /bad user ?name or password/i : /not authori[sz]ed/i;

    expect(await ended(mosquitto('mosquitto_pub', await password(), '-m', 'hello'))).toEqual({
      code,
      said: expect.stringMatching(why),
    });
    expect(await ended(mosquitto('mosquitto_sub', await password()))).toEqual({
      code,
      said: expect.stringMatching(why),
    });
  });

  it('are refused without a name', async () => {
    const run = spawn('mosquitto_pub', ['-p', String(adapter.port), '-V', version, '-t', 'a', '-m', 'hello']);

    expect(await ended(run)).toEqual({ code: version === '5' ? 0x87 : 5, said: expect.stringMatching(/authori/i) });
  });
});

describe.each([4, 5] as const)('MQTT.js with protocol version %i', (protocolVersion) => {
  const clients: MqttClient[] = [];

  // MQTT.js decides between Node and browser at its first connection.
  let mqtt: typeof import('mqtt');
  jest.isolateModules(() => {
    mqtt = require('mqtt');
  });

  afterEach(() => Promise.all(clients.splice(0).map((client) => client.endAsync(true))));

  async function connect(fields: IClientOptions): Promise<MqttClient> {
    const options: IClientOptions = { createWebsocket, protocolVersion, reconnectPeriod: 0, ...fields };
    const client = await mqtt.connectAsync(guarded.cloud.gatewayUrl, options);
    clients.push(client);
    return client;
  }

  it.each(proofs)('sends a message with %s', async (_what, password) => {
    const client = await connect({ username: 'alice', password: await password() });
    await client.subscribeAsync('devices/x', { qos: 1 });
    const received = messagesOf(client, 1);
    await client.publishAsync('devices/x', 'hello', { qos: 1 });

    expect((await received).map(String)).toEqual(['hello']);
  });

  it.each(failures)('is refused with %s, and reports the code', async (_what, password, older, newer) => {
    const code = protocolVersion === 5 ? newer : older;

    await expect(connect({ username: 'alice', password: await password() })).rejects.toMatchObject({ code });
  });

  it('is refused without a name', async () => {
    await expect(connect({})).rejects.toMatchObject({ code: protocolVersion === 5 ? 0x87 : 5 });
  });

  it('sends a message with a token in the URL', async () => {
    const url = `${guarded.cloud.gatewayUrl}?access_token=${await provider.token()}`;
    const client = await mqtt.connectAsync(url, { createWebsocket, protocolVersion, reconnectPeriod: 0 });
    clients.push(client);

    expect(await client.subscribeAsync('devices/x', { qos: 1 })).toMatchObject([{ qos: 1 }]);
  });
});
