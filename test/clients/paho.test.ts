import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Client, ConnectionOptions, Message } from 'paho-mqtt';
import WebSocket from 'ws';
import { installGlobalWebSocket } from '../../clients/global-websocket';
import type { TextSocketClass } from '../../clients/websocket';
import { type Cloud, startCloud } from '../../local/cloud';
import { startTextGateway } from './support/text-gateway';

// Node 20 has no global WebSocket. The class of `ws` has the same interface.
Object.assign(globalThis, { WebSocket });
const Paho = require('paho-mqtt') as typeof import('paho-mqtt');

let cloud: Cloud;
let restore: () => void;
const clients: Client[] = [];

beforeAll(async () => {
  cloud = await startCloud({ containers: 1 });
  restore = installGlobalWebSocket(cloud.gatewayUrl);
});

afterEach(() => {
  for (const client of clients.splice(0)) if (client.isConnected()) client.disconnect();
});

afterAll(async () => {
  restore();
  await cloud.stop();
});

async function connect(clientId: string, options: ConnectionOptions = {}): Promise<Client> {
  const client = new Paho.Client(cloud.gatewayUrl, clientId);
  clients.push(client);
  await new Promise<unknown>((onSuccess, onFailure) => client.connect({ onSuccess, onFailure, ...options }));
  return client;
}

const subscribed = (client: Client, filter: string, qos: 0 | 1 | 2) =>
  new Promise<unknown>((onSuccess, onFailure) => client.subscribe(filter, { qos, onSuccess, onFailure }));

/** The next messages of a client. */
const heard = (client: Client, count: number) =>
  new Promise<Message[]>((resolve) => {
    const messages: Message[] = [];
    client.onMessageArrived = (message) => {
      if (messages.push(message) === count) resolve(messages);
    };
  });

describe('Eclipse Paho with the global WebSocket replaced', () => {
  it.each([0, 1, 2] as const)('publishes and receives messages at QoS %i', async (qos) => {
    const client = await connect(`paho-${qos}`);
    await subscribed(client, 'paho/#', qos);
    const messages = heard(client, 3);
    const payloads = [new Uint8Array(0), new Uint8Array(20_000).fill(7), new Uint8Array(90_000).fill(8)];

    for (const payload of payloads) client.send(`paho/${qos}`, payload.buffer, qos);

    const received = await messages;
    expect(received.map(({ qos, destinationName }) => [destinationName, qos])).toEqual(
      payloads.map(() => [`paho/${qos}`, qos]),
    );
    expect(received.map(({ payloadBytes }) => Buffer.compare(payloadBytes as Uint8Array, payloads.shift()!))).toEqual([
      0, 0, 0,
    ]);
  });

  it('resumes its session', async () => {
    const options: ConnectionOptions = { cleanSession: false };
    const away = await connect('paho-away', options);
    await subscribed(away, 'away/#', 1);
    away.disconnect();
    const publisher = await connect('paho-publisher');
    publisher.send('away/1', 'kept', 1);
    await cloud.settled();

    const back = new Paho.Client(cloud.gatewayUrl, 'paho-away');
    clients.push(back);
    const messages = heard(back, 1);
    back.connect(options);

    expect((await messages)[0]!.payloadString).toBe('kept');
  });

  it.each([0, 1, 2] as const)('fails to send an oversized message at QoS %i, and its connection stays', async (qos) => {
    const client = await connect(`paho-oversized-${qos}`);
    await subscribed(client, 'oversized/#', qos);
    const messages = heard(client, 1);

    expect(() => client.send('oversized/1', new ArrayBuffer(98_400), qos)).toThrow(/is over the limit of 97280$/);
    client.send('oversized/2', 'small', qos);

    expect((await messages)[0]!.payloadString).toBe('small');
  });

  it('gets an event when its connection is cut', async () => {
    const client = await connect('paho-cut');
    const lost = new Promise<{ errorCode: number }>((resolve) => {
      client.onConnectionLost = resolve;
    });

    cloud.faults.cut(cloud.connections().at(-1)!);

    expect((await lost).errorCode).toBe(8);
  });
});

describe('Eclipse Paho that reconnects', () => {
  it('reconnects by itself when its connection is renewed', async () => {
    const undo = installGlobalWebSocket(cloud.gatewayUrl, { renewAfter: [0, 0], WebSocket: WebSocket as never });
    const client = await connect('paho-renewed', { reconnect: true, cleanSession: false });
    const [before] = cloud.connections().slice(-1);

    const back = new Promise<boolean>((resolve) => {
      (client as Client & { onConnected: (again: boolean) => void }).onConnected = resolve; // Missing in its types.
    });

    expect(await back).toBe(true); // True for a reconnect.
    expect(cloud.connections()).not.toContain(before);
    undo();
  });
});

describe('Eclipse Paho that reconnects with an oversized message in its store', () => {
  it('stays connected', async () => {
    const warnings = jest.spyOn(console, 'warn').mockImplementation(() => {});
    const client = await connect('paho-stored', { reconnect: true, cleanSession: false });
    expect(() => client.send('stored', new ArrayBuffer(98_400), 1)).toThrow(/over the limit/);

    const back = new Promise<void>((resolve) => {
      (client as Client & { onConnected: () => void }).onConnected = resolve; // Missing in its types.
    });
    cloud.faults.cut(cloud.connections().at(-1)!);
    await back;
    await subscribed(client, 'stored/#', 1);
    const messages = heard(client, 1);
    client.send('stored/next', 'small', 1);

    expect((await messages)[0]!.payloadString).toBe('small');
    expect(warnings.mock.calls).toEqual([
      [expect.stringMatching(/^cirrus-mqtt: withheld, a packet of \d+ bytes is over the limit of 97280$/)],
    ]);
    warnings.mockRestore();
  });
});

describe('installGlobalWebSocket', () => {
  it('uses the original class for other addresses', async () => {
    const other = await startTextGateway();
    const socket = new globalThis.WebSocket(other.url, 'mqtt');

    expect(socket).toBeInstanceOf(WebSocket);
    expect(globalThis.WebSocket.OPEN).toBe(1);
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    await other.close();
  });

  it('passes all arguments to the original class, for example headers in React Native', () => {
    const opened: unknown[][] = [];
    const Recorder = class {
      constructor(...given: unknown[]) {
        opened.push(given);
      }
    } as unknown as TextSocketClass;
    const undo = installGlobalWebSocket('wss://example.com/mqtt', { WebSocket: Recorder });
    const Installed = globalThis.WebSocket as unknown as new (...given: unknown[]) => unknown;
    const options = { headers: { authorization: 'Bearer x' } };

    new Installed('wss://example.com/other', ['chat'], options);
    new Installed('wss://example.com/other');
    undo();

    expect(opened).toEqual([['wss://example.com/other', ['chat'], options], ['wss://example.com/other']]);
  });

  it.each([
    [
      'wss://abc123.execute-api.eu-west-1.amazonaws.com/mqtt',
      'WSS://ABC123.execute-api.eu-west-1.amazonaws.com:443/mqtt?x=1',
    ],
    ['ws://127.0.0.1/mqtt', new URL('ws://127.0.0.1:80/mqtt')],
    ['ws://127.0.0.1:8080', 'ws://127.0.0.1:8080/'],
  ])('recognises %s in %s', (address, asked) => {
    const opened: unknown[] = [];
    const Recorder = class {
      constructor(url: unknown) {
        opened.push(url);
      }
    } as unknown as TextSocketClass;
    const undo = installGlobalWebSocket(address, { WebSocket: Recorder });

    const [gateway, elsewhere] = [new globalThis.WebSocket(asked), new globalThis.WebSocket('wss://example.com/mqtt')];
    undo();

    expect(gateway).not.toBeInstanceOf(Recorder);
    expect(elsewhere).toBeInstanceOf(Recorder);
    expect(opened).toEqual([String(asked), 'wss://example.com/mqtt']);
  });

  it.each([
    [
      'https://abc123.execute-api.eu-west-1.amazonaws.com/mqtt',
      {},
      'the address of a gateway is wss://… or ws://…, not "https:',
    ],
    ['ws://127.0.0.1/mqtt', { batchMs: -1 }, 'option batchMs takes a number from 0 to 60000, not -1'],
  ])('refuses %s with %j', (address, options, reason) => {
    const before = globalThis.WebSocket;

    expect(() => installGlobalWebSocket(address, options)).toThrow(reason);
    expect(globalThis.WebSocket).toBe(before);
  });

  it('restores the original class', () => {
    const before = globalThis.WebSocket;

    installGlobalWebSocket('ws://127.0.0.1/mqtt')();

    expect(globalThis.WebSocket).toBe(before);
  });
});
