import { type EventEmitter, once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { buildSync } from 'esbuild';
import type { IClientOptions, MqttClient } from 'mqtt';
import WebSocket from 'ws';
import type { GatewayOptions } from '../../clients/gateway-options';
import { GuardedBroker } from '../support/guarded-broker';
import { OidcProvider } from '../support/oidc-provider';
import { firstLogOf, hasChromium } from './support/chromium';

// Node 20 has no global WebSocket. The class of `ws` has the same interface; the shim reads the global when it is loaded.
Object.assign(globalThis, { WebSocket });
const { createWebsocketWith } = require('../../clients/mqttjs') as typeof import('../../clients/mqttjs');
const { CirrusWebSocket } = require('../../clients/websocket') as typeof import('../../clients/websocket');
const { installGlobalWebSocket } =
  require('../../clients/global-websocket') as typeof import('../../clients/global-websocket');
const Paho = require('paho-mqtt') as typeof import('paho-mqtt');

if (!hasChromium) console.warn('chromium is not installed: tokens are NOT tested in a browser');

let provider: OidcProvider;
let guarded: GuardedBroker;
const clients: MqttClient[] = [];

beforeAll(async () => {
  provider = await OidcProvider.start();
  guarded = await GuardedBroker.start({
    handshake: 'required',
    issuers: [{ issuer: provider.issuer, audience: 'mqtt' }],
    rules: [{ actions: ['publish', 'subscribe', 'receive'], topics: ['#'] }],
  });
});

afterEach(() => Promise.all(clients.splice(0).map((client) => client.endAsync(true))));

afterAll(() => Promise.all([guarded.stop(), provider.stop()]));

// MQTT.js decides between Node and browser at its first connection, so each test loads its own MQTT.js.
function freshMqttJs(): typeof import('mqtt') {
  let mqtt: typeof import('mqtt') | undefined;
  jest.isolateModules(() => {
    mqtt = require('mqtt');
  });
  return mqtt!;
}

describe.each<[string, IClientOptions, GatewayOptions]>([
  ['the stream of Node, in a header', {}, {}],
  ['the surface of a browser, in a subprotocol', { forceNativeWebSocket: true }, {}],
  ['the surface of a browser, in the query', { forceNativeWebSocket: true }, { tokenIn: 'query' }],
])('MQTT.js over %s', (_name, options, gateway) => {
  const { connect } = freshMqttJs();

  function connectWith(token: () => Promise<string>, reconnectPeriod: number): MqttClient {
    const createWebsocket = createWebsocketWith({ ...gateway, token });
    const client = connect(guarded.cloud.gatewayUrl, { createWebsocket, reconnectPeriod, ...options });
    clients.push(client);
    return client;
  }

  it('uses the next token for each handshake', async () => {
    const tokens = [await provider.token(), 'expired', await provider.token()];
    const shown: string[] = [];
    const client = connectWith(async () => {
      shown.push(tokens[shown.length]!);
      return shown.at(-1)!;
    }, 10);
    client.on('error', () => {}); // The second token is invalid.
    await heard(client, 'connect');

    guarded.cloud.faults.cut(guarded.cloud.connections().at(-1)!);
    await heard(client, 'connect');

    expect(shown).toEqual(tokens);
  });

  it('fails the attempt with the error of the token function', async () => {
    const before = await handshakes();
    const client = connectWith(() => Promise.reject(new Error('not signed in')), 0);
    client.on('error', () => {});
    const [[error]] = await Promise.all([once(client.stream as EventEmitter, 'error'), heard(client, 'close')]);

    expect(messageIn(error)).toBe('no token: not signed in');
    expect(await handshakes()).toBe(before);
  });

  it('makes no handshake if the client has left before its token arrives', async () => {
    const before = await handshakes();
    let give = (_token: string) => {};
    const asked = new Promise<void>((resolve) => {
      const client = connectWith(() => {
        resolve();
        return new Promise((later) => {
          give = later;
        });
      }, 0);
      client.on('error', () => {});
    });
    await asked;

    await clients.pop()!.endAsync(true);
    give(await provider.token());
    // The handshake of a later client is the only one: one of the client that has left would precede it.
    await heard(
      connectWith(() => provider.token(), 0),
      'connect',
    );
    await guarded.cloud.settled();

    expect(await handshakes()).toBe(before + 1);
  });
});

describe('Eclipse Paho', () => {
  it('connects with a token of the shim', async () => {
    const restore = installGlobalWebSocket(guarded.cloud.gatewayUrl, { token: () => provider.token() });
    const client = new Paho.Client(guarded.cloud.gatewayUrl, 'paho');

    await new Promise<unknown>((onSuccess, onFailure) => client.connect({ onSuccess, onFailure }));

    expect(client.isConnected()).toBe(true);
    client.disconnect();
    restore();
  });
});

(hasChromium ? describe : describe.skip)('a browser', () => {
  const bundle = buildSync({
    entryPoints: [require.resolve('../../clients/websocket')],
    bundle: true,
    minify: true,
    format: 'iife',
    globalName: 'shim',
    write: false,
  }).outputFiles[0]!.text;

  it.each(['subprotocol', 'query'])('connects with a token in %s', async (tokenIn) => {
    const options = `{ token: async () => '${await provider.token()}', tokenIn: '${tokenIn}' }`;
    const page = `${bundle}
      const socket = new shim.CirrusWebSocket('${guarded.cloud.gatewayUrl}', ['mqtt'], ${options});
      socket.onopen = () => socket.send(Uint8Array.of(16, 13, 0, 4, 77, 81, 84, 84, 4, 2, 0, 20, 0, 1, 98));
      socket.onmessage = ({ data }) => console.log(socket.protocol, new Uint8Array(data).join());
      socket.onclose = ({ code, reason }) => console.log(code, reason);`;

    expect(await firstLogOf(`<script>${page}</script>`)).toContain('"mqtt 32,2,0,0"');
  });
});

describe('CirrusWebSocket', () => {
  it('does not reveal the token in its URL', async () => {
    const socket = new CirrusWebSocket(guarded.cloud.gatewayUrl, 'mqtt', {
      token: () => provider.token(),
      tokenIn: 'query',
    });
    expect(socket.readyState).toBe(socket.CONNECTING);

    await new Promise<unknown>((resolve) => {
      socket.onopen = resolve;
    });

    expect([socket.url, socket.protocol]).toEqual([guarded.cloud.gatewayUrl, 'mqtt']);
    socket.close();
  });
});

async function handshakes(): Promise<number> {
  return (await guarded.cloud.bill()).gateway.connects;
}

function heard(client: MqttClient, event: 'close' | 'connect'): Promise<unknown> {
  return new Promise((resolve) => client.once(event, resolve));
}

/** In a browser the reason is in the WebSocket event of MQTT.js's error. */
function messageIn(error: unknown): string {
  const { message, event } = error as { message: string; event?: { message: string } };
  return event?.message ?? message;
}
