import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { Signal, TestCloud, until } from './support';

describe('the gateway', () => {
  let test: TestCloud;
  beforeAll(async () => {
    test = await TestCloud.start();
  });
  afterAll(() => test.cloud.stop());

  it('gives $connect a proxy event with headers, query and context', async () => {
    await test.connect('?token=a%20b&token=c', ['mqtt', 'x'], { headers: { 'X-Device': 'd7' } }).catch(() => {});

    const event = test.connectEvents.at(-1)!;
    expect(event.headers).toMatchObject({ 'Sec-WebSocket-Protocol': 'mqtt,x', 'X-Device': 'd7' });
    expect(event).toMatchObject({
      queryStringParameters: { token: 'c' },
      multiValueQueryStringParameters: { token: ['a b', 'c'] },
      isBase64Encoded: false,
      requestContext: {
        routeKey: '$connect',
        eventType: 'CONNECT',
        stage: 'mqtt',
        apiId: 'local',
        identity: { sourceIp: '127.0.0.1' },
        connectionId: expect.stringMatching(/^[A-Za-z0-9_-]{15}=$/),
        requestId: expect.stringMatching(/^[A-Za-z0-9_-]{15}=$/),
        connectedAt: expect.any(Number),
        requestTimeEpoch: expect.any(Number),
        requestTime: expect.stringMatching(/^\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        domainName: expect.any(String),
      },
    });
  });

  it('responds with the subprotocol that the function chose, and with none of its own', async () => {
    const chosen = await test.connect('?subprotocol=mqttv3.1', ['mqtt', 'mqttv3.1']);
    expect(chosen.socket.protocol).toBe('mqttv3.1');

    await expect(test.connect('', ['mqtt'])).rejects.toThrow('Server sent no subprotocol');
  });

  it.each([
    ['?status=401', 401],
    ['?status=403', 403],
    ['?throw', 502],
  ])('refuses the handshake of %s with %d', async (query, status) => {
    await expect(test.connect(query)).rejects.toThrow(`Unexpected server response: ${status}`);
  });

  it('knows only the path of its stage', async () => {
    const socket = new WebSocket(test.cloud.gatewayUrl.replace('/mqtt', '/other'));
    const error = await new Promise((resolve) => socket.once('error', resolve));
    expect(String(error)).toContain('403');
  });

  it('puts text frames and the disconnect into the group of their connection, in order', async () => {
    const client = await test.connect();
    client.send('one', 'two', 'three');
    client.socket.close();
    await client.closed;
    await until(() => test.records(client.id).length === 4);

    const records = test.records(client.id);
    expect(records.map(({ body }) => body)).toEqual(['one', 'two', 'three', 'disconnect']);
    const events = records.map(({ messageAttributes }) => messageAttributes.event!.stringValue);
    expect(events).toEqual(['message', 'message', 'message', 'disconnect']);
    expect(new Set(records.map(({ attributes }) => attributes.MessageDeduplicationId)).size).toBe(4);
    const connectedAt = test.connectEvents.at(-1)!.requestContext.connectedAt;
    for (const { messageAttributes } of records) {
      expect(messageAttributes.connectedAt!.stringValue).toBe(String(connectedAt));
      expect(Number(messageAttributes.receivedAt!.stringValue)).toBeGreaterThanOrEqual(connectedAt);
    }
  });

  it('sends $disconnect for a client that vanishes', async () => {
    const client = await test.connect();
    client.socket.terminate();
    await until(() => test.bodies(client.id).includes('disconnect'));
  });

  it('closes with 1003 on a binary frame', async () => {
    const client = await test.connect();
    client.socket.send(Buffer.from([0xc0, 0]));
    expect(await client.closed).toBe(1003);
  });

  it('takes a frame of 32 KB and closes with 1009 beyond it', async () => {
    const client = await test.connect();
    client.send('x'.repeat(32_768));
    await until(() => test.bodies(client.id).length === 1);

    client.send('x'.repeat(32_769));
    expect(await client.closed).toBe(1009);
    await until(() => test.bodies(client.id).length === 2);
    expect(test.bodies(client.id)[1]).toBe('disconnect');
  });

  it('takes a message of 128 KB in frames and closes with 1009 beyond it', async () => {
    const client = await test.connect();
    const fragment = 'y'.repeat(32_768);
    for (const fin of [false, false, false, true]) client.socket.send(fragment, { fin });
    await until(() => test.bodies(client.id).length === 1);
    expect(test.bodies(client.id)[0]!.length).toBe(131_072);

    for (const fin of [false, false, false, false, true]) client.socket.send(fragment, { fin });
    expect(await client.closed).toBe(1009);
  });

  it.each([
    ['an empty body', ''],
    ['a character that is not allowed in SQS', 'a\u0000b'],
  ])('informs the client when the queue refuses %s', async (_what, body) => {
    const client = await test.connect();

    const answer = JSON.parse(await client.ask(body));

    expect(answer).toEqual({
      message: 'Internal server error',
      connectionId: client.id,
      requestId: expect.stringMatching(/=$/),
    });
    expect(test.records(client.id)).toEqual([]);
  });

  it('closes a quiet connection after 10 minutes, and any after 2 hours', async () => {
    const quiet = await test.connect();
    const busy = await test.connect();
    test.cloud.clock.jump(9 * 60_000);
    await busy.ask('echo still here');

    test.cloud.clock.jump(2 * 60_000);
    expect(await quiet.closed).toBe(1001);
    for (let minutes = 11; minutes < 120; minutes += 9) {
      await busy.ask('echo still here');
      test.cloud.clock.jump(9 * 60_000);
    }
    expect(await busy.closed).toBe(1001);
  });

  it('sends $disconnect for a client that left while $connect ran', async () => {
    const { port } = test.cloud;
    const socket = connectTcp(port, '127.0.0.1');
    const connecting = new Signal();
    const lines = [
      `GET /mqtt?wait=${connecting.file} HTTP/1.1`,
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
    ];
    const keys = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', ''];
    const before = test.connectEvents.length;
    socket.write([...lines, ...keys].join('\r\n'));
    await until(() => test.connectEvents.length > before);
    socket.resetAndDestroy();
    await once(socket, 'close');
    connecting.give();

    const { connectionId } = test.connectEvents.at(-1)!.requestContext;
    await until(() => test.bodies(connectionId).includes('disconnect'));
    connecting.remove();
  });
});
