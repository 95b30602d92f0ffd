import type { Socket } from 'node:net';
import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BrokerApi } from '../../clients/api';
import { HttpSender } from '../../lambdas/aws/lean/http-sender';
import { LeanSqs } from '../../lambdas/aws/lean/lean-sqs';
import { noMetrics } from '../../lambdas/broker/ports/metrics';
import { callbackVariable } from '../../lambdas/deployment';
import { GatewayConnections } from '../../lambdas/transport/gateway-connections';
import { clientsFor, singleAttemptDynamoDbFor } from '../../lambdas/wiring/clients';
import { reply, ScriptedServer } from '../support/scripted-server';
import { withoutPauses } from '../support/without-pauses';

const region = 'us-east-1';
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const environment = (origin: string) => ({
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_ENDPOINT_URL_DYNAMODB: origin,
  [callbackVariable]: `${origin}/mqtt`,
});

let server: ScriptedServer;
const ownEnvironment = process.env;
beforeEach(() => {
  process.env = { ...ownEnvironment };
});
afterEach(() => {
  process.env = ownEnvironment;
  jest.restoreAllMocks();
  return server.stop();
});

const request = { method: 'POST', path: '/', headers: { 'content-length': '1' }, body: 'x' };
const batch = new BatchWriteItemCommand({ RequestItems: { table: [{ PutRequest: { Item: { id: { S: 'x' } } } }] } });

/** Resolves to true if the caller knows that the call took effect. */
type Call = () => Promise<boolean>;

const known = (call: Promise<unknown>) =>
  call.then(
    () => true,
    () => false,
  );

function connectionsOf(kind: 'lean' | 'sdk', origin: string): Call {
  process.env.AWS_CLIENTS = kind;
  const { connections } = clientsFor(environment(origin), noMetrics);
  return async () => (await connections.post('x', Buffer.from('1 kAA='))) === 200;
}

function inflightOf(kind: 'lean' | 'sdk', origin: string): Call {
  process.env.AWS_CLIENTS = kind;
  const db = singleAttemptDynamoDbFor(environment(origin), noMetrics);
  return () => known(db.send(batch));
}

/** Callers that must not repeat a call that may have taken effect. */
const callers: readonly (readonly [string, (origin: string) => Call])[] = [
  [
    'the sender',
    (origin) => {
      const http = new HttpSender(new URL(origin));
      return () => known(http.send(request));
    },
  ],
  ['a post to a connection', (origin) => connectionsOf('lean', origin)],
  ["a post to a connection by the SDK's client", (origin) => connectionsOf('sdk', origin)],
  ['a batch of the outbound queue', (origin) => inflightOf('lean', origin)],
  ["a batch of the outbound queue by the SDK's client", (origin) => inflightOf('sdk', origin)],
  [
    'a publish through the API',
    (origin) => {
      const api = new BrokerApi({ url: `${origin}/api`, region, credentials });
      return () => known(api.publish({ topic: 't', payload: 'x' }));
    },
  ],
];

const headers = 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n';

/** Part of the response that is sent before the connection breaks. */
const moments = [
  ['before its response', ''],
  ['within the status line of its response', 'HTTP/1.1 20'],
  ['after the headers of its response', headers],
  ['in the middle of the body of its response', `${headers}{`],
] as const;

const ends = [
  ['is reset', (socket: Socket) => socket.resetAndDestroy()],
  ['ends', (socket: Socket) => socket.end()],
] as const;

/** The connection breaks together with the last bytes, or later, when the client has read these. */
const pauses = [
  ['at once', (act: () => void) => act()],
  ['later', (act: () => void) => setTimeout(act, 20)],
] as const;

const breaks = moments.flatMap(([moment, bytes]) =>
  ends.flatMap(([end, act]) =>
    pauses.map(([pause, wait]) => {
      const happen = (socket: Socket) => wait(() => void act(socket));
      const strike = (socket: Socket) => (bytes === '' ? happen(socket) : socket.write(bytes, () => happen(socket)));
      return [`${end} ${moment}, ${pause}`, strike] as const;
    }),
  ),
);

describe.each(callers)('%s is made once', (_caller, create) => {
  it.each(breaks)('when its connection is fresh and %s', async (_when, strike) => {
    server = await ScriptedServer.start((_request, socket) => strike(socket));

    await expect(create(server.origin)()).resolves.toBe(false);

    expect(server.requests).toBe(1);
  });

  it.each(breaks)('when its connection was used before and %s', async (_when, strike) => {
    server = await ScriptedServer.start((request, socket) => (request === 2 ? strike(socket) : reply(socket)));
    const call = create(server.origin);
    await expect(call()).resolves.toBe(true);

    await expect(call()).resolves.toBe(false);

    expect(server).toMatchObject({ requests: 2, connections: 1 });
  });

  it('when its connection was closed before it, on another', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    server = await ScriptedServer.start((_request, socket) => {
      closed = new Promise((resolve) => socket.once('close', resolve));
      reply(socket);
    });
    const call = create(server.origin);
    await call();
    server.cut();
    await closed;
    await new Promise((resolve) => setTimeout(resolve, 50));

    await expect(call()).resolves.toBe(true);

    expect(server).toMatchObject({ requests: 2, connections: 2 });
  });
});

describe('a call that may take effect twice is repeated', () => {
  withoutPauses();
  const callsOf = (origin: string): readonly (readonly [string, Call])[] => {
    const sqs = new LeanSqs({ region, credentials, maxAttempts: 5 });
    const { db, connections } = clientsFor(environment(origin), noMetrics);
    return [
      ['SendMessage', () => known(sqs.sendMessage({ QueueUrl: `${origin}/1/q`, MessageBody: 'x' }))],
      ['DynamoDB', () => known(db.send(batch))],
      ['closing', () => known(new GatewayConnections(connections).close('x'))],
    ];
  };

  it.each(breaks)('when its connection %s', async (_when, strike) => {
    server = await ScriptedServer.start((request, socket) => (request % 2 === 1 ? strike(socket) : reply(socket)));
    for (const [, call] of callsOf(server.origin)) await expect(call()).resolves.toBe(true);

    expect(server.requests).toBe(6);
  });
});

describe('an idle connection', () => {
  const later = (milliseconds: number) => {
    const time = Date.now() + milliseconds;
    jest.spyOn(Date, 'now').mockReturnValue(time);
  };

  it.each([
    ['is reused within half a minute', 29_000, 1],
    ['is not reused after half a minute, because the service may have closed it', 31_000, 2],
  ])('%s', async (_title, idle, connections) => {
    server = await ScriptedServer.start((_request, socket) => reply(socket));
    const http = new HttpSender(new URL(server.origin));
    await http.send(request);
    later(idle);

    await http.send(request);

    expect(server).toMatchObject({ requests: 2, connections });
  });

  it('is replaced by a new one, each of many', async () => {
    server = await ScriptedServer.start((_request, socket) => reply(socket));
    const http = new HttpSender(new URL(server.origin));
    const many = () => Promise.all(Array.from({ length: 10 }, () => http.send(request)));
    await many();
    later(31_000);

    await many();

    expect(server).toMatchObject({ requests: 20, connections: 20 });
  });
});
